/* worker.js - decodes for the pages of one document (lic.js), off their main thread. A classic worker,
 * as the scripts that Emscripten writes are.
 *
 * Which build of the decoder runs: with threads where the page is cross-origin isolated, and the
 * one of the relaxed instructions where the engine knows them and fuses its multiply-adds. */
"use strict";

/* (module (func (result v128) (f32x4.relaxed_madd of three zeros)))  */
const RELAXED = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 0, 253, 15,
    65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11]);

/* Of the fields of struct result in web.c. */
const FIELDS = ["width", "height", "pixels", "bytes", "modelId", "checkLatents", "orientation",
    "hasAlpha", "codingMs", "synthesisMs", "fullWidth", "fullHeight", "lossless", "previewScale"];

let settings;         /* weights, previews: URLs; threads: at most; memory: bytes */
let decoder = null;   /* a promise of the Emscripten module and what it is */
let weights = null;   /* a promise of its weights, from the first picture on that needs them */
let previews = null;  /* a promise of the heads for previews, from the first picture on that wants them */
let report = () => {};

function result(module) {
    const at = module._lic_web_result();
    const words = new Uint32Array(module.HEAPU8.buffer, at, FIELDS.length);
    const fields = Object.fromEntries(FIELDS.map((name, i) => [name, words[i]]));
    fields.error = module.UTF8ToString(at + 4 * FIELDS.length);
    return fields;
}

/* Awaits fn of the place of the bytes in the module's memory. */
async function withBytes(module, bytes, fn) {
    const at = module._malloc(bytes.length);
    if (!at)
        throw new Error("not enough memory");
    try {
        module.HEAPU8.set(bytes, at);
        return await fn(at);
    } finally {
        module._free(at);
    }
}

function check(module, status) {
    if (status)
        throw new Error(result(module).error);
}

/* The cache of earlier visits. It is not to be had in every page (http:, private windows): then the
 * browser's own has to do. */
const openCache = async () => self.caches?.open("lic-weights").catch(() => null);

async function fetchWeights(url) {
    const cache = await openCache();
    let response = await cache?.match(url);
    if (!response) {
        response = await fetch(url);
        if (!response.ok)
            throw new Error(`no weights at ${url} (${response.status})`);
        await cache?.put(url, response.clone()).catch(() => {});
    }
    return new Uint8Array(await response.arrayBuffer());
}

async function load(name, threads) {
    const base = new URL(name, self.location.href).href;
    importScripts(base + ".js");
    return self.licDecoder({
        mainScriptUrlOrBlob: base + ".js",
        locateFile: file => new URL(file, self.location.href).href,
        licThreads: threads - 1,
        onProgress: fraction => report(fraction),
    });
}

async function loadBest() {
    const threads = self.crossOriginIsolated
        ? Math.min(settings.threads || navigator.hardwareConcurrency || 1, 8) : 1;
    const kind = threads > 1 ? "threads" : "single";
    if (WebAssembly.validate(RELAXED) && !settings.exact) {
        const module = await load(`lic-${kind}-fma`, threads);
        if (module._lic_web_runs_here())
            return [module, threads, "fused"];
    }
    return [await load(`lic-${kind}`, threads), threads, "exact and rounded"];
}

async function startDecoder() {
    const [module, threads, arithmetic] = await loadBest();
    check(module, module._lic_web_start(threads, settings.memory));
    return { module, threads, arithmetic };
}

async function openWeights({ module, threads }) {
    const bytes = await fetchWeights(settings.weights);
    await withBytes(module, bytes, at =>
        check(module, module._lic_web_open(at, bytes.length, threads, settings.memory)));
}

/* Without them pictures between 1/16 and the whole take as long as the whole. */
async function addPreviews({ module }) {
    const url = settings.previews;
    try {
        const bytes = await fetchWeights(url);
        await withBytes(module, bytes, at =>
            check(module, module._lic_web_add_previews(at, bytes.length)));
    } catch (error) {
        console.warn(`lic: no larger previews: ${error.message}`);
        await (await openCache())?.delete(url); /* there may be others by the next visit */
    }
}

/* Fetches what a picture of this scale takes, whatever of it is not there yet. */
async function prepare(started, scale) {
    if (result(started.module).lossless)
        return;
    if (!weights) {
        weights = openWeights(started);
        weights.catch(() => { weights = null; });
    }
    await weights;
    const least = result(started.module).previewScale;
    if ((scale === 4 || scale === 8) && !(least && least <= scale))
        await (previews ??= addPreviews(started));
}

/* What no head gives is the whole averaged, and so is any smaller picture of a lossless one. */
function choose({ lossless, previewScale }, scale, otherwise) {
    const isCheap = n => !lossless && previewScale > 0 && n >= previewScale;
    return !otherwise || isCheap(scale) ? scale : isCheap(otherwise) ? otherwise : 1;
}

async function decodeAt(started, at, bytes, { id, scale: asked, otherwise }) {
    const { module, threads, arithmetic } = started;
    await prepare(started, asked);
    const scale = choose(result(module), asked, otherwise), start = performance.now();
    report = fraction => self.postMessage({ id, fraction });
    check(module, module._lic_web_decode(at, bytes, scale));
    const r = result(module), pixels = new Uint8ClampedArray(r.bytes);
    pixels.set(module.HEAPU8.subarray(r.pixels, r.pixels + r.bytes));
    return { ...r, scale, pixels, threads, arithmetic, ms: performance.now() - start };
}

/* One call: { id, data, scale, otherwise } -> messages { id, fraction }, then { id, picture } or { id,
 * error }. otherwise, if not 0: the scale where one of `scale` takes as long as the whole. scale 0: what the
 * head of the file says is enough. */
async function decode(call) {
    if (!decoder) {
        decoder = startDecoder();
        decoder.catch(() => { decoder = null; }); /* the next call tries again */
    }
    const started = await decoder, { module } = started;
    const bytes = new Uint8Array(call.data);
    const picture = await withBytes(module, bytes, at => {
        check(module, module._lic_web_probe(at, bytes.length));
        const { fullWidth, fullHeight, lossless, hasAlpha, orientation, modelId } = result(module);
        return call.scale ? decodeAt(started, at, bytes.length, call)
            : { fullWidth, fullHeight, lossless, hasAlpha, orientation, modelId };
    });
    self.postMessage({ id: call.id, picture }, picture.pixels ? [picture.pixels.buffer] : []);
}

/* One call after the other. */
let last = Promise.resolve();
self.onmessage = ({ data: message }) => {
    if (message.settings) {
        settings = message.settings;
        return;
    }
    last = last.then(() => decode(message)).catch(error =>
        self.postMessage({ id: message.id, error: String(error.message || error) }));
};
