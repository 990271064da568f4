"""What runs in a reader's browser: the controls, predictions and exercises of a page, alive.

A worker of the page (`publishing/templates/site/live`) runs Python with the same helpers as a
notebook. The page shows the widgets with the html manager of ipywidgets, which is JupyterLab's own
drawing of them; messages between the two pass through `session`.
"""
