"""The site: pages whose controls are alive, and what they need."""
