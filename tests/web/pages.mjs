/* pages.mjs FOLDER PLAIN ISOLATED - what pages in Chromium make of the files in FOLDER, which two servers
 * serve, against what the program makes of them (run.sh). Last line: N passed, N failed. */
import { readFileSync, writeFileSync } from "node:fs";
import { startBrowser } from "./browser.mjs";
import { check, decode, difference, finish, folder, isolated, plain, readPPM, turn, until } from "./checks.mjs";

async function checkPicture(page, name, { rounded = false, orientation = 1, threads = 1 } = {}) {
    const want = turn(readPPM(name), orientation), got = await decode(page, name);
    const info = JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
    const { worst, mean } = difference(got.pixels, want.data);
    console.log(`${name}: ${got.arithmetic}, ${got.threads} threads, ${got.ms.toFixed(0)} ms (coding ` +
        `${got.codingMs}, synthesis ${got.synthesisMs}), largest difference ${worst}, mean ${mean.toFixed(4)}`);
    check(`${name}: size`, got.width === want.width && got.height === want.height, `${got.width} x ${got.height}`);
    /* Rounded products may push a value over the edge between two steps of a layer in integers. */
    check(`${name}: pixels`, rounded ? worst <= 4 && mean < 0.5 : worst === 0, `differ by ${worst}, ${mean} on average`);
    check(`${name}: threads`, got.threads === threads, got.threads);
    check(`${name}: progress`, got.fractions.length > 0 && got.fractions.at(-1) <= 1 &&
        got.fractions.every((f, i, all) => i === 0 || f >= all[i - 1]), got.fractions);
    const latents = info.check_latents ?? info.check;
    if (latents !== undefined)
        check(`${name}: latents`, parseInt(latents, 16) === got.checkLatents, `${latents} ${got.checkLatents}`);
    return got;
}

async function checkError(page, name, pattern) {
    const text = await decode(page, name).then(() => "no error", error => error.message);
    check(`${name}: error`, pattern.test(text), text.split("\n")[0]);
}

async function exact(page) {
    await page.evaluate(`import("/lic.js").then(m => { m.settings.exact = true; })`);
}

const browser = await startBrowser();
try {
    let page = await browser.open(`${plain}index.html`);
    check("not isolated", !await page.evaluate("crossOriginIsolated"));
    await checkPicture(page, "q20");
    await checkPicture(page, "q80");
    await checkPicture(page, "lossless");
    for (let o = 1; o <= 8; o++)
        await checkPicture(page, `orient${o}`, { orientation: o });
    const alpha = await checkPicture(page, "alpha"), raw = readFileSync(`${folder}/alpha.raw`);
    check("alpha: is there", alpha.hasAlpha && raw.some((v, i) => i % 4 === 3 && v < 255));
    check("alpha: the same", raw.every((v, i) => i % 4 !== 3 || v === alpha.pixels[i]));
    const preview = await decode(page, "q20", { scale: 16 });
    console.log(`q20: preview ${preview.ms.toFixed(0)} ms`);
    check("preview: size", preview.width === 48 && preview.height === 32 && preview.fullWidth === 768);
    const turned = await decode(page, "orient6", { scale: 16 });
    check("preview: turned", turned.width === 3 && turned.height === 4 && turned.fullWidth === 48);
    await checkError(page, "damaged", /damaged/);
    await checkError(page, "cut", /damaged|short|cut/);
    await checkError(page, "nothing", /not a \.?lic/i);
    await checkError(page, "other", /model/);
    await checkPicture(page, "waves"); /* goes on after errors */
    check("weights are cached", await page.evaluate(
        `caches.open("lic-weights").then(c => c.keys()).then(k => k.length === 1)`));
    await page.close();

    /* lossless pictures do without weights; others say what is missing */
    page = await browser.open(`${plain}index.html`);
    await page.evaluate(`import("/lic.js").then(m => { m.settings.weights = "/none.licw"; })`);
    await checkPicture(page, "lossless");
    await checkError(page, "waves", /no weights at .*none/);
    await checkPicture(page, "lossless");
    await page.close();

    page = await browser.open(`${isolated}index.html`);
    check("isolated", await page.evaluate("crossOriginIsolated"));
    const threads = await page.evaluate("Math.min(navigator.hardwareConcurrency, 8)");
    await checkPicture(page, "q20", { threads });
    await checkPicture(page, "tiles", { threads });
    await page.close();

    for (const [url, n] of [[plain, 1], [isolated, threads]]) {
        page = await browser.open(`${url}index.html`);
        await exact(page);
        await checkPicture(page, "waves", { rounded: true, threads: n });
        if (n === 1)
            await checkPicture(page, "q20", { rounded: true });
        const small = await decode(page, "q80", { scale: 4, otherwise: 1 });
        const { worst } = difference(small.pixels, readPPM("q80-4-heads").data);
        check("preview: rounded", small.width === 192 && worst <= 4, `${small.width}, differs by ${worst}`);
        await page.close();
    }

    /* images of a page, one of which comes later */
    page = await browser.open(`${isolated}images.html`);
    await page.evaluate(`document.body.append(Object.assign(new Image(), { id: "late", src: "q80.lic" })), 0`);
    const state = id => `document.querySelector("#${id}").dataset.lic`;
    for (const id of ["picture", "alpha", "turned", "natural", "late"])
        check(`image ${id}`, await until(page, `${state(id)} === "done" && document.querySelector("#${id}").complete`));
    check("image damaged", await until(page, `${state("damaged")} === "error"`));
    check("its reason", /damaged/.test(await page.evaluate(`document.querySelector("#damaged").title`)));
    check("image of another type", await page.evaluate(`${state("plain")} === undefined`));
    check("size of an image", await page.evaluate(`(i => i.naturalWidth === 200 && i.naturalHeight === 168)
        (document.querySelector("#natural"))`));
    check("turned image", await page.evaluate(`(i => i.naturalWidth === 48 && i.naturalHeight === 64)
        (document.querySelector("#turned"))`));
    writeFileSync(`${folder}/images.png`, await page.screenshot());
    await page.close();

    /* the page: a file dropped on it, and one that is damaged */
    page = await browser.open(`${isolated}index.html`);
    const drop = name => page.evaluate(`fetch("${name}.lic").then(r => r.blob()).then(blob => {
        const files = new DataTransfer();
        files.items.add(new File([blob], "${name}.lic"));
        document.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
    })`);
    const text = () => page.evaluate(`document.querySelector("#text").textContent`);
    await drop("q80");
    check("dropped", await until(page, `document.body.dataset.done === "1"`));
    check("its text", /q80\.lic: 768 x 512, .* threads/.test(await text()), await text());
    writeFileSync(`${folder}/page.png`, await page.screenshot());
    await drop("damaged");
    check("damaged", await until(page, `document.body.dataset.done === "2"`));
    check("its error", /damaged\.lic: .*damaged/.test(await text()) &&
        await page.evaluate(`document.querySelector("#text").className === "error"`), await text());
    writeFileSync(`${folder}/page-damaged.png`, await page.screenshot());
} catch (error) {
    check("no exception", false, error.stack);
}
await browser.close();
finish();
