// Python for a page: Pyodide with the helpers of the series, loaded when the first request comes.
// Requests are answered one after another, as {id, request} -> {id, reply} or {id, failure}.
const here = new URL(".", self.location.href).href;
let answer = null;
let last = Promise.resolve();

self.onmessage = ({data: {id, request}}) => {
    last = last.then(async () => {
        try {
            answer ??= await start();
            self.postMessage({id, reply: await answer(request)});
        } catch (error) {
            self.postMessage({id, failure: String(error.message ?? error)});
        }
    });
};

async function start() {
    const {pyodide, first, lock, files} = await (await fetch(here + "files.json")).json();
    const base = new URL(pyodide, here).href;
    const lost = watch(files, base, first, lock);
    const [{loadPyodide}, core, archive] = await Promise.all([
        import(here + "pyodide.mjs"),
        import(here + "pyodide.asm.mjs"),
        fetch(here + "python.zip").then(response => response.arrayBuffer()),
    ]);
    const loaded = loadPyodide({
        indexURL: base,
        packageBaseUrl: base,
        lockFileContents: lock,
        stdLibURL: here + "stdlib.zip",
        packages: first,
        createPyodideModule: core.default,
        checkAPIVersion: false,
        env: {HOME: "/home/pyodide", MPLBACKEND: "Agg", JUPYTER_WIDGETS_ECHO: "0"},
    });
    const python = await Promise.race([loaded, lost]);  // without its core Pyodide waits for ever
    say("Python starts");
    python.unpackArchive(archive, "zip", {extractDir: "/live"});
    python.runPython(`
        import shutil, site, sys
        shutil.copytree("/live/packages", site.getsitepackages()[0], dirs_exist_ok=True)
        sys.path.insert(0, "/live/series")
        from helpers.live import stand_in
        stand_in.install()
        from helpers.live import session
        session.begin("/live/series/standing.json")
    `);
    const ask = python.runPython("session.answer");
    return async request => {
        for (let before = "";;) {
            const reply = ask(request);
            const {missing} = JSON.parse(reply.slice(reply.lastIndexOf('"missing": ') - 1)
                .replace(/^./, "{"));
            if (!missing.length) return reply;
            if (before === (before = missing.join(", "))) throw new Error(`${before} cannot be had`);
            await python.loadPackage(missing.map(name => name === "PIL" ? "pillow" : name),
                {messageCallback() {}});
        }
    };
}

// Every file is what it was when the site was made, or it is refused; and the page hears of it.
// Returns a promise that is never kept, but broken by the first file that does not come.
function watch(files, base, first, lock) {
    const fetched = self.fetch;
    const wanted = ["pyodide.asm.wasm", "stdlib.zip", "python.zip",
        ...first.map(name => lock.packages[name].file_name)];
    let done = 0, fail;
    const lost = new Promise((_, reject) => fail = reject);
    lost.catch(() => {});
    self.fetch = async (resource, options) => {
        const name = String(resource.url ?? resource).split("/").pop();
        const known = files[name];
        if (!known) return fetched(resource, options);
        if (!wanted.includes(name)) wanted.push(name);
        const size = () => wanted.reduce((sum, one) => sum + files[one].bytes, 0);
        say(`fetching ${name.split(/[-.]/)[0]}`, done, size());
        try {
            const response = await fetched(resource, {...options, integrity: known.integrity});
            done += known.bytes;
            say(`fetched ${name.split(/[-.]/)[0]}`, done, size());
            return response;
        } catch (error) {
            fail(new Error(`${name} did not come, or is not the file that is meant`));
            throw error;
        }
    };
    return lost;
}

function say(what, done, all) {
    self.postMessage({progress: {what, done, all}});
}
