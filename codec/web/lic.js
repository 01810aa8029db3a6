/* lic.js - .lic pictures in a page. As a script of its own,
 *
 *     <script type="module" src="lic/lic.js"></script>
 *
 * it makes <img src="photo.lic"> work, also of images that come later: a preview at once, then as many
 * pixels as the screen shows of it, and more when it grows; data-lic-scale="1" of the element, or of the
 * script for all, asks for every pixel. data-lic of the element becomes "preview", "done" or "error", with
 * the reason as title, and data-lic-shown the scale: 4 for 1/4.
 * Other scripts import { decode } or { show }. What it needs lies beside it: worker.js, the decoder and
 * weights.licw, or weights elsewhere, as data-weights="URL" of the script element says. */

const here = new URL(".", import.meta.url);
const script = document.querySelector("script[src][data-weights], script[src][data-lic-scale]")?.dataset ?? {};

/* To be changed before the first call, if at all. */
export const settings = {
    weights: script.weights ? new URL(script.weights, document.baseURI).href : new URL("weights.licw", here).href,
    previews: null, /* URL of the larger heads for previews; null: X.previews.licw for weights X.licw */
    threads: 0,     /* at most this many; 0: as many as there are cores, up to 8 */
    memory: 1.5e9,  /* bytes that one picture may take */
    exact: false,   /* without relaxed instructions even where there are some: for tests */
    scale: Number(script.licScale ?? 0), /* of images that say none; 0: as they are shown */
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
    const previews = settings.previews ?? settings.weights.replace(/(\.licw)?(?=[?#]|$)/, ".previews.licw");
    worker.postMessage({ settings: { ...settings, previews } });
}

/* The smallest first: a page shows something of all its pictures before it shows one as a whole. */
function next() {
    if (running || waiting.length === 0)
        return;
    const reduction = ({ scale }) => scale || Infinity, most = Math.max(...waiting.map(reduction));
    [running] = waiting.splice(waiting.findIndex(call => reduction(call) === most), 1);
    if (!worker)
        start();
    const { id, data, scale, otherwise } = running;
    worker.postMessage({ id, data, scale, otherwise });
}

/* ---- for other scripts ---- */

/* What the head of a file says: { fullWidth, fullHeight, lossless, hasAlpha, ... }. Needs no weights. */
export function probe(data) {
    return decode(data, { scale: 0 });
}

/* Decodes a file's bytes (ArrayBuffer or Uint8Array), whole or at a scale of 2, 4, 8 or 16: 1/scale of the
 * sides, rounded up. otherwise: what to take, 1 or 16, where a picture of that scale takes as long as the whole.
 * onProgress gets fractions of 1. Resolves to { width, height, pixels (RGBA), scale, hasAlpha, fullWidth,
 * fullHeight, ... }, turned as the file says; rejects with an Error whose message is for people. */
export function decode(data, { scale = 1, otherwise = 0, onProgress } = {}) {
    return new Promise((resolve, reject) => {
        waiting.push({ id: ++lastId, data, scale, otherwise, onProgress, resolve, reject });
        next();
    });
}

/* The picture of a file's bytes, after onPreview(preview) and onProgress(fraction). scale: what is enough, as a
 * number or a function that gets the preview once it is shown. */
export async function show(data, { scale = 1, onPreview, onProgress } = {}) {
    const preview = await decode(data, { scale: 16, otherwise: 1 });
    await onPreview?.(preview);
    const enough = typeof scale === "function" ? scale(preview) : scale;
    return preview.scale <= enough ? preview : decode(data, { scale: enough, otherwise: 1, onProgress });
}

const SCALES = [16, 8, 4, 2, 1], SMALL = 1 << 18, LARGE = 1 << 20;

/* The scale at which a picture has as many pixels as the screen shows of it, `ratio` for each of its own in a
 * row. Small ones are shown whole: they are not worth a file of heads for previews. */
export function scaleFor({ fullWidth, fullHeight }, ratio) {
    const side = Math.max(fullWidth, fullHeight);
    return fullWidth * fullHeight > SMALL && SCALES.find(n => Math.ceil(side / n) >= Math.floor(side * ratio)) || 1;
}

export function toCanvas(picture, canvas = document.createElement("canvas")) {
    canvas.width = picture.width;
    canvas.height = picture.height;
    const image = new ImageData(picture.pixels, picture.width, picture.height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
}

/* ---- images of the page ---- */

const toBlob = picture => new Promise(resolve => toCanvas(picture).toBlob(resolve, "image/png"));

function toDataURL(blob) {
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(blob);
    });
}

/* An image of the size of the whole with less in it, so that pages see no other size and nothing moves. */
const frame = ({ fullWidth: w, fullHeight: h }, content = "") => new Blob([
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">${content}</svg>`,
], { type: "image/svg+xml" });

/* What the pixels at the edges of a smaller picture hold beyond the whole is at the right and the bottom, or
 * where EXIF's orientation turns these. */
async function toImage(picture) {
    const { scale, orientation } = picture, blob = await toBlob(picture);
    if (scale === 1)
        return blob;
    const w = scale * picture.width, x = [2, 3, 6, 7].includes(orientation) ? picture.fullWidth - w : 0;
    const h = scale * picture.height, y = [3, 4, 7, 8].includes(orientation) ? picture.fullHeight - h : 0;
    return frame(picture, `<image x="${x}" y="${y}" width="${w}" height="${h}" preserveAspectRatio="none" ` +
        `href="${await toDataURL(blob)}"/>`);
}

async function fetchBlob(url) {
    const response = await fetch(url);
    if (!response.ok)
        throw new Error(`${response.status} ${response.statusText}`);
    return response.blob();
}

/* image -> what is shown in it: { from: its src; file: the bytes, until the whole is shown; head: of the file; url:
 * of what it shows; scale: of that, once it is a picture; busy: there will be more, or no more after an error } */
const images = new WeakMap();

/* Pixels stay where they are as long as an image shows them, to be saved or shown in others. */
const free = ({ url }) => url && URL.revokeObjectURL(url);
const gone = new FinalizationRegistry(free);

const resized = new ResizeObserver(entries => entries.forEach(({ target }) => sharpen(target)));

/* Pixels of the screen for each of the picture in a row, as the page lays it out now. Hidden, it needs none. */
function ratioOf(img, { fullWidth, fullHeight }) {
    const across = img.clientWidth / fullWidth, down = img.clientHeight / fullHeight;
    const fit = getComputedStyle(img).objectFit;
    const ratio = fit === "none" ? 1 : fit === "contain" ? Math.min(across, down)
        : fit === "scale-down" ? Math.min(across, down, 1) : Math.max(across, down);
    return ratio * devicePixelRatio;
}

/* The scale of an image, unless the page asks for one. */
function enough(img, { head }) {
    const asked = [img.dataset.licScale, settings.scale].map(Number).find(n => SCALES.includes(n));
    return asked ?? scaleFor(head, ratioOf(img, head));
}

/* Shows what is in the blob, unless the image shows something else by now. */
async function put(img, shown, blob) {
    const url = URL.createObjectURL(blob);
    if (shown.url) /* no gap between the two; but the first of a lazy image waits until that is near */
        await Object.assign(new Image(), { src: url }).decode();
    if (images.get(img) !== shown) {
        URL.revokeObjectURL(url);
        return;
    }
    const loaded = new Promise(resolve => img.addEventListener("load", resolve, { once: true }));
    free(shown);
    shown.url = img.src = url;
    await loaded;
}

/* Decodes what the image needs, which may grow meanwhile. At first something that comes soon: 1/4 takes what 1/16 does,
 * but its heads have to be fetched. */
async function decodeFor(img, shown) {
    shown.file ??= await fetchBlob(shown.from);
    const data = () => shown.file.arrayBuffer();
    if (!shown.head) {
        shown.head = await probe(await data());
        await put(img, shown, frame(shown.head));
        resized.observe(img);
    }
    const { fullWidth, fullHeight } = shown.head, preview = fullWidth * fullHeight > LARGE ? 4 : 16;
    for (let scale; images.get(img) === shown && !((scale = enough(img, shown)) >= shown.scale);) {
        if (shown.scale)
            img.dataset.lic = "preview";
        const how = shown.scale ? { scale, otherwise: 1 } : { scale: scale < 4 ? preview : scale, otherwise: 16 };
        const picture = await decode(await data(), how);
        await put(img, shown, await toImage(picture));
        shown.scale = picture.scale;
        if (images.get(img) === shown)
            img.dataset.licShown = picture.scale;
    }
}

async function sharpen(img) {
    const shown = images.get(img);
    if (!shown || shown.busy || shown.scale === 1)
        return;
    shown.busy = true;
    let error = null;
    await decodeFor(img, shown).catch(e => { error = e; });
    shown.busy = error !== null;
    if (shown.scale === 1)
        shown.file = null;
    if (images.get(img) !== shown)
        return;
    img.dataset.lic = error ? "error" : "done";
    if (error)
        img.title = `${shown.from}: ${error.message}`;
}

function forget(img, shown) {
    images.delete(img);
    gone.unregister(img);
    resized.unobserve(img);
    free(shown);
    delete img.dataset.lic;
    delete img.dataset.licShown;
}

function look(img) {
    const shown = images.get(img), from = img.src;
    if (shown && (from === shown.url || from === shown.from && !shown.url))
        return;
    if (shown)
        forget(img, shown);
    if (/^[^?#]*\.lic([?#]|$)/i.test(from) && !from.startsWith("blob:")) {
        const next = { from };
        images.set(img, next);
        gone.register(img, next, img);
        sharpen(img);
    }
}

function lookIn(node) {
    if (node instanceof HTMLImageElement)
        look(node);
    else
        node.querySelectorAll?.("img").forEach(look);
}

new MutationObserver(changes => {
    for (const { type, target, addedNodes, attributeName } of changes) {
        if (type === "childList")
            addedNodes.forEach(lookIn);
        else if (target instanceof HTMLImageElement)
            (attributeName === "src" ? look : sharpen)(target);
    }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["src", "data-lic-scale"] });
lookIn(document);

/* Zoomed, a page has more pixels, though no image has another size. */
function watchZoom() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", () => {
        document.querySelectorAll("img[data-lic]").forEach(sharpen);
        watchZoom();
    }, { once: true });
}
watchZoom();
