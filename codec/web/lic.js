/* lic.js - .lic pictures in a page. As a script of its own,
 *
 *     <script type="module" src="lic/lic.js"></script>
 *
 * it makes <img src="photo.lic"> work, also of images that come later: a preview at once, then the
 * picture. data-lic of the element becomes "preview", "done" or "error", with the reason as title.
 * Other scripts import { decode } or { show }. What it needs lies beside it: worker.js, the decoder and
 * weights.licw, or weights elsewhere, as data-weights="URL" of the script element says. */

const here = new URL(".", import.meta.url);
const weights = document.querySelector("script[src][data-weights]")?.dataset.weights;

/* To be changed before the first call, if at all. */
export const settings = {
    weights: weights ? new URL(weights, document.baseURI).href : new URL("weights.licw", here).href,
    threads: 0,     /* at most this many; 0: as many as there are cores, up to 8 */
    memory: 1.5e9,  /* bytes that one picture may take */
    exact: false,   /* without relaxed instructions even where there are some: for tests */
};

/* ---- calls of the worker, one at a time ---- */

let worker = null;
let running = null;  /* a call */
const waiting = [];
let lastId = 0;

function finish() {
    const call = running;
    running = null;
    next();
    return call;
}

function onMessage({ data }) {
    if (data.id !== running?.id)
        return;
    if (data.fraction !== undefined)
        running.onProgress?.(data.fraction);
    else if (data.error !== undefined)
        finish().reject(new Error(data.error));
    else
        finish().resolve(data.picture);
}

/* A decoder that died (out of memory, a fault of the engine) fails its call; the next starts anew. */
function onError(event) {
    worker.terminate();
    worker = null;
    if (running)
        finish().reject(new Error(event.message || "the decoder did not start"));
}

function start() {
    worker = new Worker(new URL("worker.js", here));
    worker.onmessage = onMessage;
    worker.onerror = onError;
    worker.postMessage({ settings });
}

/* Previews first: a page shows something of all its pictures before it shows one as a whole. */
function next() {
    if (running || waiting.length === 0)
        return;
    const first = Math.max(waiting.findIndex(call => call.scale > 1), 0);
    [running] = waiting.splice(first, 1);
    if (!worker)
        start();
    worker.postMessage({ id: running.id, data: running.data, scale: running.scale });
}

/* ---- for other scripts ---- */

/* Decodes a file's bytes (ArrayBuffer or Uint8Array); scale 16 gives a preview of 1/16 of the sides.
 * onProgress gets fractions of 1. Resolves to { width, height, pixels (RGBA), hasAlpha, fullWidth,
 * fullHeight, ... }, turned as the file says; rejects with an Error whose message is for people. */
export function decode(data, { scale = 1, onProgress } = {}) {
    return new Promise((resolve, reject) => {
        waiting.push({ id: ++lastId, data, scale, onProgress, resolve, reject });
        next();
    });
}

/* The picture of a file's bytes, after onPreview(preview) and onProgress(fraction). */
export async function show(data, { onPreview, onProgress } = {}) {
    onPreview?.(await decode(data, { scale: 16 }));
    return decode(data, { onProgress });
}

export function toCanvas(picture, canvas = document.createElement("canvas")) {
    canvas.width = picture.width;
    canvas.height = picture.height;
    const image = new ImageData(picture.pixels, picture.width, picture.height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
}

/* ---- images of the page ---- */

async function pictureURL(picture) {
    const blob = await new Promise(resolve => toCanvas(picture).toBlob(resolve, "image/png"));
    return URL.createObjectURL(blob);
}

/* The preview as an image of the picture's size, so that nothing moves when that comes. */
function previewURL({ fullWidth: w, fullHeight: h, ...preview }) {
    const small = toCanvas(preview).toDataURL("image/png");
    return URL.createObjectURL(new Blob([
        `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">` +
        `<image width="${w}" height="${h}" preserveAspectRatio="none" href="${small}"/></svg>`,
    ], { type: "image/svg+xml" }));
}

async function fetchBytes(url) {
    const response = await fetch(url);
    if (!response.ok)
        throw new Error(`${response.status} ${response.statusText}`);
    return response.arrayBuffer();
}

const sources = new WeakMap(); /* image -> the src that is being shown in it */

function put(img, from, url, state) {
    if (sources.get(img) !== from) { /* it shows something else by now */
        URL.revokeObjectURL(url);
        return;
    }
    img.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    img.dataset.lic = state;
    img.src = url;
}

async function replace(img, from) {
    sources.set(img, from);
    try {
        const picture = await show(await fetchBytes(from), {
            onPreview: preview => put(img, from, previewURL(preview), "preview"),
        });
        put(img, from, await pictureURL(picture), "done");
    } catch (error) {
        if (sources.get(img) === from) {
            img.dataset.lic = "error";
            img.title = `${from}: ${error.message}`;
        }
    }
}

function look(img) {
    const url = img.src && new URL(img.src, document.baseURI);
    if (!url || url.protocol === "blob:")
        return;
    if (/\.lic$/i.test(url.pathname)) {
        if (sources.get(img) !== url.href)
            replace(img, url.href);
    } else {
        sources.delete(img);
    }
}

function lookIn(node) {
    if (node instanceof HTMLImageElement)
        look(node);
    else
        node.querySelectorAll?.("img").forEach(look);
}

new MutationObserver(changes => {
    for (const { type, target, addedNodes } of changes) {
        if (type === "childList")
            addedNodes.forEach(lookIn);
        else if (target instanceof HTMLImageElement)
            look(target);
    }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["src"] });
lookIn(document);
