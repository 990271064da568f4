// node drive.mjs LIVE SCRIPT OUT: starts Python as worker.js does, from the folder LIVE of a site,
// runs SCRIPT there, and writes what it leaves in /out.json to OUT.
import {readFileSync, writeFileSync, copyFileSync} from "node:fs";
import {pathToFileURL} from "node:url";
import {join, resolve} from "node:path";

process.on("uncaughtException", error => {  // node would print the whole of Pyodide with it
    console.error(error.message);
    process.exit(1);
});
const [live, script, out] = process.argv.slice(2).map(path => resolve(path));
const {loadPyodide} = await import(pathToFileURL(join(live, "pyodide.mjs")));
const core = await import(pathToFileURL(join(live, "pyodide.asm.mjs")));
const {lock, first} = JSON.parse(readFileSync(join(live, "files.json"), "utf8"));
const base = `${join(live, "pyodide")}/`;
const python = await loadPyodide({
    indexURL: base,
    packageBaseUrl: base,
    lockFileContents: lock,
    stdLibURL: join(live, "stdlib.zip"),
    packages: first,
    createPyodideModule: async settings =>
        core.default({...settings, locateFile: name => join(base, name)}),
    checkAPIVersion: false,
    env: {HOME: "/home/pyodide", MPLBACKEND: "Agg", JUPYTER_WIDGETS_ECHO: "0"},
});
const worker = readFileSync(join(live, "worker.js"), "utf8");
const archive = new Uint8Array(readFileSync(join(live, "python.zip")));
python.unpackArchive(archive, "zip", {extractDir: "/live"});
python.runPython(worker.match(/python\.runPython\(`([^`]*)`\)/)[1]);
globalThis.load = names => python.loadPackage(names.split(" "), {messageCallback() {}});
await python.runPythonAsync(readFileSync(script, "utf8"));
writeFileSync(out, python.FS.readFile("/out.json"));
