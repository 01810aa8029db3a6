/* scales.mjs FOLDER PLAIN ISOLATED - pictures at less than their whole size: what scripts get, when the heads for
 * previews are fetched, and which scale images of a page are shown at (run.sh). Last line: N passed, N failed. */
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { startBrowser } from "./browser.mjs";
import { check, decode, difference, finish, folder, isolated, plain, readPPM, until } from "./checks.mjs";

const HEADS = `${folder}/weights.previews.licw`, MOVED = `${folder}/moved.licw`;

const cached = page => page.evaluate(`caches.open("lic-weights").then(c => c.keys())
    .then(all => all.map(({ url }) => url.split("/").pop()).sort().join(" "))`);

const setURLs = (page, urls) =>
    page.evaluate(`import("/lic.js").then(m => { Object.assign(m.settings, ${JSON.stringify(urls)}); })`);

/* ---- for scripts ---- */

/* What a page asks for and gets, `as` the program has it that finds heads for previews or none. */
async function checkScale(page, name, scale, models, otherwise = 0, as = scale) {
    const want = as === 1 ? readPPM(name) : readPPM(`${name}-${as}-${models}`);
    const got = await decode(page, name, { scale, otherwise }), { worst } = difference(got.pixels, want.data);
    const what = `${name}, 1/${scale}, ${models}, otherwise ${otherwise}`;
    check(`${what}: size`, got.width === want.width && got.height === want.height && got.scale === as,
        `${got.width} x ${got.height}, 1/${got.scale}`);
    check(`${what}: pixels`, worst === 0, `differ by ${worst}`);
    check(`${what}: of the whole`, got.fullWidth === readPPM(name).width, got.fullWidth);
}

async function testScripts(browser) {
    const page = await browser.open(`${plain}index.html`);
    const head = await page.evaluate(`import("/lic.js").then(async ({ probe }) =>
        probe(await (await fetch("large.lic")).arrayBuffer()))`);
    check("probe", head.fullWidth === 768 && head.fullHeight === 512 && head.lossless && !head.hasAlpha,
        JSON.stringify(head));
    await checkScale(page, "large", 4, "none", 16, 1);
    check("lossless: without weights", await cached(page) === "", await cached(page));
    for (const [scale, otherwise, as] of [[16, 0, 16], [16, 1, 16], [1, 0, 1], [2, 1, 1], [2, 16, 16], [2, 0, 2]])
        await checkScale(page, "q80", scale, "none", otherwise, as);
    check("heads: not for these", await cached(page) === "weights.licw", await cached(page));
    for (const [scale, otherwise, as] of [[4, 1, 4], [8, 16, 8], [4, 0, 4], [16, 0, 16], [2, 1, 1]])
        await checkScale(page, "q80", scale, "heads", otherwise, as);
    for (const scale of [2, 4, 8, 16]) {
        await checkScale(page, "alpha", scale, "heads");
        await checkScale(page, "large", scale, "heads");
    }
    check("heads: there by now", await cached(page) === "weights.licw weights.previews.licw", await cached(page));
    await page.close();
}

async function testHeads(browser) {
    let page = await browser.open(`${plain}index.html`);
    renameSync(HEADS, MOVED);
    await checkScale(page, "q80", 4, "heads", 1); /* from the cache: of the page before */
    await page.close();

    page = await browser.open(`${plain}index.html`);
    await setURLs(page, { previews: "/missing.licw" });
    for (const [scale, otherwise, as] of [[4, 1, 1], [8, 16, 16], [4, 0, 4], [16, 1, 16]])
        await checkScale(page, "q80", scale, "none", otherwise, as);
    await page.close();

    const damaged = readFileSync(MOVED);
    damaged[damaged.length >> 1] ^= 1;
    writeFileSync(`${folder}/damaged.licw`, damaged);
    page = await browser.open(`${plain}index.html`);
    await setURLs(page, { previews: "/damaged.licw" });
    await checkScale(page, "q80", 4, "none", 1, 1);
    check("heads: not kept if damaged", !/damaged/.test(await cached(page)), await cached(page));
    await page.close();

    /* weights elsewhere have theirs beside them */
    copyFileSync(`${folder}/weights.licw`, `${folder}/others.licw`);
    renameSync(MOVED, `${folder}/others.previews.licw`);
    page = await browser.open(`${plain}index.html`);
    await page.evaluate(`caches.delete("lic-weights")`);
    await setURLs(page, { weights: "/others.licw?1" });
    await checkScale(page, "q80", 8, "heads", 1);
    check("heads: of these weights", /others.previews.licw.1/.test(await cached(page)), await cached(page));
    await page.close();
    renameSync(`${folder}/others.previews.licw`, HEADS);
}

/* ---- images ---- */

const element = id => `document.querySelector("#${id}")`;

async function becomes(page, id, scale, when) {
    const there = await until(page, `(({ lic, licShown }) => lic === "done" && licShown === "${scale}")
        (${element(id)}.dataset)`, 60);
    check(`${id}, ${when}: 1/${scale}`, there, await page.evaluate(`JSON.stringify(${element(id)}.dataset)`));
}

/* How far an image is from its picture of 1/4 that is drawn x to the left and y above it, the edges apart. */
function offBy(page, id, x, y) {
    return page.evaluate(`(async () => {
        const { decode } = await import("/lic.js"), img = ${element(id)};
        const { width, height, pixels } = await decode(await (await fetch("/${id}.lic")).arrayBuffer(), { scale: 4 });
        const canvas = Object.assign(document.createElement("canvas"), { width, height }), to = canvas.getContext("2d");
        to.drawImage(img, ${x} / 4, ${y} / 4, img.naturalWidth / 4, img.naturalHeight / 4);
        const seen = to.getImageData(0, 0, width, height).data;
        let sum = 0, n = 0;
        for (let row = 1; row < height - 1; row++)
            for (let i = 4 * (row * width + 1); i < 4 * ((row + 1) * width - 1); i++, n++)
                sum += Math.abs(seen[i] - pixels[i]);
        return sum / n;
    })()`);
}

const FIRST = { quarter: 4, more: 1, tiny: 16, eighth: 8, asked: 1, least: 8, cover: 1, contain: 4, small: 1, kept: 1,
    hidden: 16, turned1: 4, turned3: 4, turned6: 4, big: 1 };
const SIZES = { turned1: [701, 499], turned3: [701, 499], turned6: [499, 701], small: [200, 168], tiny: [768, 512],
    quarter: [768, 512], kept: [768, 512], hidden: [768, 512], big: [1536, 1024] };

async function testFirst(page) {
    for (const [id, scale] of [["big", 4], ["more", 16]])
        check(`${id}: preview of 1/${scale}`, await until(page, `(({ lic, licShown }) => lic === "preview" &&
            licShown === "${scale}")(${element(id)}.dataset)`, 60));
    for (const [id, scale] of Object.entries(FIRST))
        await becomes(page, id, scale, "at first");
    for (const [id, [w, h]] of Object.entries(SIZES)) {
        const [width, height] = await page.evaluate(`(i => [i.naturalWidth, i.naturalHeight])(${element(id)})`);
        check(`${id}: natural size`, width === w && height === h, `${width} x ${height}`);
    }
    writeFileSync(`${folder}/scales.png`, await page.screenshot());
    check("lazy: waits", await page.evaluate(`${element("far")}.dataset.lic === undefined`));
    await page.evaluate(`${element("far")}.scrollIntoView(), 0`);
    await becomes(page, "far", 4, "scrolled to");
    /* Odd sides are a part of 4 pixels more; turned, it is elsewhere. Nothing may move when the whole comes. */
    for (const [id, x, y] of [["turned1", 0, 0], ["turned3", 3, 1], ["turned6", 1, 0]]) {
        const right = await offBy(page, id, x, y), wrong = await offBy(page, id, 3 - x, 1 - y);
        console.log(`${id}: off by ${right.toFixed(3)}, elsewhere by ${wrong.toFixed(3)}`);
        check(`${id}: place`, right < 1 && 3 * right < wrong, `${right} ${wrong}`);
    }
}

const style = (page, id, css) => page.evaluate(`${element(id)}.style.cssText = "${css}", 0`);
const ask = (page, id, scale) => page.evaluate(`${element(id)}.dataset.licScale = ${scale}, 0`);

/* Larger ones, once more is seen; never smaller again. */
async function testGrowing(page) {
    await style(page, "tiny", "width: 150px");
    await becomes(page, "tiny", 4, "grown");
    await style(page, "tiny", "width: 20px");
    await style(page, "hidden", "display: inline; width: 90px");
    await becomes(page, "hidden", 8, "shown");
    await becomes(page, "tiny", 4, "shrunk");
    await style(page, "tiny", "width: 768px");
    await becomes(page, "tiny", 1, "grown again");
    await ask(page, "eighth", 4);
    await becomes(page, "eighth", 4, "asked for");
    await ask(page, "eighth", 1);
    await becomes(page, "eighth", 1, "asked for");
    await page.zoom(2);
    await becomes(page, "quarter", 1, "zoomed");
    await becomes(page, "contain", 1, "zoomed");
    await becomes(page, "hidden", 4, "zoomed");
    const saved = await page.evaluate(`fetch(${element("eighth")}.src).then(r => r.blob()).then(async b =>
        b.type + " " + (await createImageBitmap(b)).width)`);
    check("can be saved", saved === "image/png 768", saved);
}

/* Another picture, the same again, and none of ours. */
async function testOthers(page) {
    const set = src => page.evaluate(`${element("least")}.src = "${src}", 0`);
    const width = () => page.evaluate(`${element("least")}.naturalWidth`);
    await page.evaluate(`${element("least")}.removeAttribute("data-lic-scale")`);
    for (const when of ["another", "the same again"]) {
        await set("waves.lic");
        await until(page, `${element("least")}.dataset.lic !== "done"`, 10);
        await becomes(page, "least", 1, when);
        check(`${when}: its size`, await width() === 200, await width());
    }
    await set("alpha.png");
    check("no .lic file", await until(page, `(i => i.complete && i.naturalWidth === 32 &&
        i.dataset.lic === undefined && i.dataset.licShown === undefined)(${element("least")})`, 10));
}

async function testImages(browser) {
    const page = await browser.open(`${isolated}scales.html`);
    await testFirst(page);
    await testGrowing(page);
    await testOthers(page);
    await page.close();
}

/* Every pixel of all; and without heads for previews, one preview before the whole. */
async function testWhole(browser) {
    let page = await browser.open(`${isolated}whole.html`);
    for (const id of ["tiny", "hidden", "contain"])
        await becomes(page, id, 1, "every pixel");
    await becomes(page, "least", 8, "asked for less");
    await page.evaluate(`caches.delete("lic-weights")`);
    await page.close();
    renameSync(HEADS, MOVED);
    page = await browser.open(`${isolated}scales.html`);
    check("without heads: a preview", await until(page, `(({ lic, licShown }) => lic === "preview" && licShown === "16")
        (${element("quarter")}.dataset)`, 60));
    await becomes(page, "quarter", 1, "without heads");
    await becomes(page, "tiny", 16, "without heads");
    renameSync(MOVED, HEADS);
    await page.close();
}

/* The page for files that are dropped on it, in a narrow window. */
async function testPage(browser) {
    const page = await browser.open("about:blank"), view = element("view");
    await page.zoom(1, 200);
    await page.go(`${isolated}index.html?q80.lic`);
    const text = () => page.evaluate(`${element("text")}.textContent`);
    check("page: less", await until(page, `document.body.dataset.done === "1"`) &&
        /q80\.lic: 768 x 512, shown at 1\/4, .* preview after/.test(await text()), await text());
    await page.evaluate(`${view}.click()`);
    check("page: clicked", await until(page, `document.body.dataset.done === "2"`) &&
        /q80\.lic: 768 x 512, \d/.test(await text()) && await page.evaluate(`${view}.width === 768`), await text());
    await page.close();
}

const browser = await startBrowser();
try {
    for (const test of [testScripts, testHeads, testImages, testWhole, testPage])
        await test(browser);
} catch (error) {
    check("no exception", false, error.stack);
}
await browser.close();
finish();
