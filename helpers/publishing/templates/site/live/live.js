// What is alive in a page. Nothing is fetched before a reader touches something in a .live element:
// then a worker starts Python (worker.js), and a control is shown by the html manager of ipywidgets
// (widgets.js). No formula stands here: all numbers and words come from the helpers, in Python.
(() => {
"use strict";
const script = document.currentScript;
const base = new URL(".", script.src);
const notebook = script.dataset.notebook;
const FAST = 10;  // Mbit/s, the most that a browser tells
const SLOW = 30;  // seconds after which a page that still fetches says so
const SILENT = 60;  // seconds without a word from Python, once it has answered, that mean its end

const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
};

// --- what the reader typed: it stays in this browser -------------------------------------------

const kept = name => `live/${notebook}/${name}`;
function keep(name, value) {
    try {
        if (value) localStorage.setItem(kept(name), value);
        else localStorage.removeItem(kept(name));
    } catch { /* a browser that keeps nothing */ }
}
function recall(name) {
    try { return localStorage.getItem(kept(name)) ?? ""; } catch { return ""; }
}
function exportAnswers() {
    const ours = Object.entries(localStorage).filter(([name]) => name.startsWith("live/")).sort();
    const found = Object.fromEntries(ours.map(([name, value]) => [name.slice(5), value]));
    const text = JSON.stringify(found, null, 1);
    const link = element("a", {
        href: URL.createObjectURL(new Blob([text], {type: "application/json"})),
        download: "my-answers.json",
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// --- Python, in a worker ------------------------------------------------------------------------

let worker = null, warm = false, asked = 0, told = [], answered = false, silence = 0;
const waiting = new Map();

function ask(request) {
    if (!worker) {
        worker = new Worker(new URL("worker.js", base), {type: "module"});
        worker.onmessage = ({data}) => {
            clearTimeout(silence);
            answered ||= "reply" in data;
            if (data.progress) return told.forEach(tell => tell(data.progress));
            const {resolve, reject} = waiting.get(data.id) ?? {};
            waiting.delete(data.id);
            if (waiting.size) listen();
            if (data.failure) return end(new Error(data.failure), reject);
            const reply = JSON.parse(data.reply);
            reply.messages.forEach(deliver);
            if (reply.error) reject?.(new Error(reply.error));
            else resolve?.(reply.result);
        };
        worker.onerror = event => end(new Error(event.message || "the worker could not start"));
    }
    return new Promise((resolve, reject) => {
        if (answered && !waiting.size) listen();
        waiting.set(++asked, {resolve, reject});
        worker.postMessage({id: asked, request: JSON.stringify(request)});
    });
}

function listen() {
    clearTimeout(silence);
    silence = setTimeout(() => end(new Error("Python does not answer")), 1000 * SILENT);
}

// Python is gone: whoever waits hears of it, and every control shows its still picture again. The
// next touch starts another one.
function end(error, reject) {
    clearTimeout(silence);
    worker?.terminate();
    worker = null;
    warm = answered = false;
    reject?.(error);
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
    document.dispatchEvent(new CustomEvent("live-end", {detail: error}));
}

// --- widgets ------------------------------------------------------------------------------------

let manager = null;
const comms = new Map();

class Comm {
    constructor(id, target) {
        Object.assign(this, {comm_id: id, target_name: target, early: []});
        comms.set(id, this);
    }
    on_msg(receive) {
        this.receive = receive;
        this.early.splice(0).forEach(receive);
    }
    on_close(closed) { this.closed = closed; }
    send(data, callbacks, metadata, buffers = []) {
        const parent_header = {msg_id: String(asked + 1)};
        ask({do: "message", id: this.comm_id, data, buffers: buffers.map(inText)}).then(() => callbacks?.iopub?.status?.(
            {parent_header, content: {execution_state: "idle"}}), end);
        return parent_header.msg_id;
    }
    open() { return ""; }
    close() { comms.delete(this.comm_id); return ""; }
}

// The bytes of a file that the reader uploads.
function inText(buffer) {
    const bytes = new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset, buffer.byteLength);
    return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
}

function deliver({type, id, data, metadata}) {
    const comm = comms.get(id) ?? new Comm(id, "jupyter.widget");
    const message = {content: {comm_id: id, data}, metadata, buffers: []};
    if (type === "comm_open") manager.handle_comm_open(comm, message);
    else if (type === "comm_close") comm.closed?.(message);
    else if (comm.receive) comm.receive(message);
    else comm.early.push(message);  // its model is still being made
}

// A promise that is forgotten when it fails, so that it can be tried again.
function again(forget, promise) {
    promise.catch(forget);
    return promise;
}

let scripts = null;
const managed = () => scripts ??= again(() => scripts = null, new Promise((resolve, reject) => {
    const one = element("script", {src: new URL("widgets.js", base)});
    one.onload = () => {
        manager = new window.liveWidgets.HTMLManager();
        resolve();
    };
    one.onerror = () => reject(new Error("widgets.js could not be fetched"));
    document.head.append(one);
}));

// --- progress and failure ----------------------------------------------------------------------

function progress(place) {
    const bar = element("progress"), words = element("span", {}, "Starting Python");
    const box = element("div", {class: "live-progress", role: "status"}, bar, " ", words);
    place.append(box);
    const tell = ({what, done, all}) => {
        if (!all) {
            bar.removeAttribute("value");
            words.textContent = `${what} …`;
            return;
        }
        Object.assign(bar, {max: all, value: done});
        words.textContent = `${what}: ${(done / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`;
    };
    told.push(tell);
    const slow = setTimeout(() => words.textContent += " (slow line: it goes on)", 1000 * SLOW);
    return () => {
        clearTimeout(slow);
        told = told.filter(one => one !== tell);
        box.remove();
    };
}

function sorry(place, error, what) {
    console.warn("live:", error);
    const why = navigator.onLine ? error.message : "there is no network";
    place.append(element("p", {class: "live-failure", role: "alert"},
        `Python could not be brought into this page (${why.split("\n").pop()}), so ${what}.`));
}

// Run something that needs Python, with a bar while it lasts.
async function withPython(place, what, run) {
    place.querySelector(".live-failure")?.remove();
    const done = progress(place);
    try {
        return await run();
    } catch (error) {
        sorry(place, error, what);
    } finally {
        done();
    }
}

async function json(file) {
    const response = await fetch(new URL(file, base));
    if (!response.ok) throw new Error(`${file} could not be fetched`);
    return response.json();
}
let data = null;
const cells = () => data ??= again(() => data = null, json(`${notebook}.json`));

// --- the kinds of cells ------------------------------------------------------------------------

const STILL = "the picture stays as it is stored";

function control(place) {
    const still = element("div", {class: "live-still"}, ...place.childNodes);
    const button = element("button", {type: "button", class: "live-start"}, "Move it");
    const view = element("div", {class: "live-view", hidden: ""});
    place.append(button, still, view);
    place.tabIndex = -1;  // so that scripts can bring the focus here
    let begun = false;
    const begin = async event => {
        if (begun) return;
        begun = true;
        button.disabled = true;
        const byKey = event.detail === 0;
        warmUp();  // while the widgets are fetched
        await withPython(place, STILL, async () => {
            const [{[place.dataset.cell]: {code, needs}}] = await Promise.all([cells(), managed()]);
            const model = await manager.get_model(await ask({do: "show", code, needs}));
            view.hidden = false;
            await manager.display_view(await manager.create_view(model), view);
            still.hidden = button.hidden = true;
            if (byKey) view.querySelector("[tabindex='0'], select, input, textarea")?.focus();
            place.dataset.alive = "";
        });
        button.disabled = false;
        begun = place.dataset.alive === "";
    };
    button.addEventListener("click", begin);
    still.addEventListener("click", begin);
    document.addEventListener("live-end", ({detail}) => {
        if (view.hidden) return;
        view.replaceChildren();
        view.hidden = true;
        still.hidden = button.hidden = begun = false;
        delete place.dataset.alive;
        sorry(place, detail, STILL);
    });
}

function warmUp() {  // Python starts while the reader still types
    if (warm) return;
    warm = true;
    ask({do: "warm"}).catch(() => {});
}

function field(name, label, placeholder) {
    const input = element("input", {type: "text", placeholder, autocomplete: "off",
        spellcheck: "false"});
    input.value = recall(name);
    input.addEventListener("focus", warmUp);
    input.addEventListener("change", () => keep(name, input.value.trim()));
    return element("label", {}, label, " ", input);
}

const say = (said, words) => said.replaceChildren(element("p", {}, words));

function prediction(place) {
    const {cell, label} = place.dataset;
    place.replaceChildren(field(cell, `Your prediction. ${label}:`, "your guess, or nothing"));
}

function reveal(place) {
    const {cell, of, note} = place.dataset;
    const said = element("div", {class: "live-said", role: "status"}, ...place.childNodes);
    const button = element("button", {type: "button"}, "Compare with my prediction");
    if (note) place.append(element("p", {class: "live-note"}, note));
    place.append(said, button);
    button.addEventListener("click", () => withPython(place, "the stored answer stays", async () => {
        const {[of]: {unit}, [cell]: {model, source}} = await cells();
        const asked = document.querySelector(`[data-cell="${of}"]`), {label} = asked.dataset;
        const typed = asked.querySelector("input").value;
        say(said, await ask({do: "reveal", label, unit, typed, model, source}));
    }));
}

function exercise(place) {
    const {cell, asks, form, names, own} = place.dataset;
    const said = element("div", {class: "live-said", role: "status"});
    const inputs = {}, owned = {}, box = element("form", {class: "live-exercise"});
    const words = text => text.split(" ").filter(Boolean);
    const add = (set, key, ...about) => {
        const label = field(...about);
        set[key] = label.control;
        box.append(label);
    };
    if (asks === "choice") {
        const set = element("fieldset", {}, element("legend", {}, "Your answer"));
        for (const letter of words(names)) {
            const input = element("input", {type: "radio", name: cell, value: letter});
            input.checked = recall(cell) === letter;
            input.addEventListener("focus", warmUp);
            input.addEventListener("change", () => keep(cell, letter));
            set.append(element("label", {}, input, ` ${letter})`), " ");
        }
        box.append(set);
    } else if (asks === "design") {
        for (const name of words(names)) add(inputs, name, `${cell}/${name}`, name, "");
    } else add(inputs, "", cell, "Your answer", form);
    for (const name of words(own))
        add(owned, name, `${cell}/own/${name}`, `your ${name}`, "your own number");
    const values = set => Object.fromEntries(
        Object.entries(set).map(([name, input]) => [name, input.value.trim() || null]));
    const typed = () => {
        if (asks === "choice") return box.querySelector("input:checked")?.value ?? null;
        const given = values(inputs);
        if (asks !== "design") return given[""];
        return Object.values(given).some(value => value !== null) ? given : null;
    };
    const press = name => withPython(place, "nothing can be checked here", async () => {
        const {[cell]: {code}} = await cells(), numbers = values(owned);
        const told = {Check: {typed: typed(), own: numbers}, Hint: {}, Solution: {own: numbers}};
        const answer = await ask({do: name.toLowerCase(), code, ...told[name]});
        say(said, answer.words ? `${answer.outcome}. ${answer.words}` : answer);
        if (answer.outcome) place.dataset.outcome = answer.outcome;
    });
    for (const name of ["Check", "Hint", "Solution"])
        box.append(element("button", {value: name}, name));
    box.addEventListener("submit", event => {
        event.preventDefault();
        press(event.submitter?.value ?? "Check");  // Enter presses the first
    });
    place.replaceChildren(box, said);  // what is stored tells how to answer in a notebook
}

// A control comes near, on a line that is fast and free: what its own host has is fetched ahead, and
// nothing from any other. Where a browser does not tell of its line, nothing at all.
function ahead() {
    const {effectiveType, downlink, saveData, type} = navigator.connection ?? {};
    if (effectiveType !== "4g" || downlink < FAST || saveData || type === "cellular") return;
    const near = new IntersectionObserver(async seen => {
        if (!seen.some(one => one.isIntersecting)) return;
        near.disconnect();
        for (const href of (await json("files.json")).wanted.map(file => new URL(file, base)))
            if (href.origin === base.origin)
                document.head.append(element("link", {rel: "prefetch", href}));
    }, {rootMargin: "100%"});
    document.querySelectorAll('[data-kind="control"]').forEach(place => near.observe(place));
}

function prepare() {
    const kinds = {control, prediction, reveal, exercise};
    for (const place of document.querySelectorAll(".live")) kinds[place.dataset.kind]?.(place);
    for (const button of document.querySelectorAll("[data-live-export]"))
        button.addEventListener("click", exportAnswers);
    if (base.protocol !== "file:") ahead();
}
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", prepare);
else prepare();
})();
