// node precompile.mjs PYODIDE PYTHON.ZIP OUT
// Compiles what a page imports with the Python that it will run there. PYODIDE is the folder of
// its files, PYTHON.ZIP what `live.py` packed; `precompile.py` says what becomes of them.
import {readFileSync, writeFileSync} from "node:fs";
import {pathToFileURL} from "node:url";
import {dirname, join, resolve} from "node:path";

process.on("uncaughtException", error => {  // node would print the whole of Pyodide with it
    console.error(error.message);
    process.exit(1);
});
const [pyodide, archive, out] = process.argv.slice(2).map(path => resolve(path));
const {loadPyodide} = await import(pathToFileURL(join(pyodide, "pyodide.mjs")));
const python = await loadPyodide({
    indexURL: `${pyodide}/`,
    packageBaseUrl: `${pyodide}/`,
    lockFileContents: readFileSync(join(pyodide, "pyodide-lock.json"), "utf8"),
    env: {HOME: "/home/pyodide", MPLBACKEND: "Agg"},
});
await python.loadPackage("numpy", {messageCallback() {}});
python.unpackArchive(new Uint8Array(readFileSync(archive)), "zip", {extractDir: "/series"});
const script = join(dirname(process.argv[1]), "precompile.py");
python.runPython(`${readFileSync(script, "utf8")}\nmain()`);
for (const name of ["stdlib.zip", "python.zip"])
    writeFileSync(join(out, name), python.FS.readFile(`/${name}`));
