/* browser.mjs - time that pages in Chromium take for pictures: one or more builds of the decoder (`make web`), which take
 * turns, so that what else the machine does meets all alike. Medians, in Markdown on standard output.
 *
 *     node tests/bench/browser.mjs [--shown=PIXELS] TURNS NAME FOLDER FILE.lic... [-- NAME FOLDER FILE.lic...]...
 *
 * With --shown: of images so many pixels of CSS wide, on screens with one pixel or two for each of these, and the most
 * memory that the page's process had.
 *
 * FOLDER: build/web of a working tree. FILE.lic: the same pictures in the same order for each build, by its own
 * program, since its weights may be others. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { startBrowser } from "../web/browser.mjs";

const WAYS = [
    { name: "2 threads", threads: 2 },
    { name: "1 thread", threads: 1 },
    { name: "2 threads, without fused multiply-adds", threads: 2, exact: true },
];

function readBuilds(words) {
    const builds = [[]];
    for (const word of words)
        word === "--" ? builds.push([]) : builds.at(-1).push(word);
    return builds.map(([name, folder, ...files]) => ({ name, folder, files }));
}

const words = process.argv.slice(2);
const shown = words[0]?.startsWith("--shown=") ? Number(words.shift().slice(8)) : 0;
const turns = Number(words[0]), builds = readBuilds(words.slice(1));
if (!(turns >= 1) || builds.some(b => !b.files.length || b.files.length !== builds[0].files.length)) {
    console.error("usage: browser.mjs [--shown=PIXELS] TURNS NAME FOLDER FILE.lic... [-- NAME FOLDER FILE.lic...]...");
    process.exit(2);
}

/* A server of the folder. -> its address */
function serve(build) {
    build.server = spawn("python3", [join(build.folder, "serve.py"), build.folder, "0"],
        { stdio: ["ignore", "pipe", "inherit"] });
    return new Promise((resolve, reject) => {
        build.server.stdout.once("data", line => resolve(line.toString().trim()));
        build.server.once("exit", () => reject(new Error(`${build.folder}: no server`)));
    });
}

/* A page whose decoder has started and has its weights. */
async function open(browser, url, { threads, exact }, file) {
    const page = await browser.open(`${url}index.html`);
    await page.evaluate(`import("/lic.js").then(m => Object.assign(m.settings, ${JSON.stringify({ threads, exact: !!exact })}))`);
    await measure(page, file, 16);
    return page;
}

/* Milliseconds from the bytes of a file to the picture of 1/scale. */
function measure(page, file, scale) {
    const data = readFileSync(file).toString("base64");
    return page.evaluate(`(async () => {
        const data = Uint8Array.from(atob("${data}"), c => c.charCodeAt(0)).buffer;
        const { decode } = await import("/lic.js"), begin = performance.now();
        await decode(data, { scale: ${scale} });
        return performance.now() - begin;
    })()`);
}

const median = values => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

/* Milliseconds from the src of an image to its first pixels and to its last, and MB that the page had at most. The file
 * is with the page already; the process is new. */
async function measureImage(build, file, way, density) {
    const browser = await startBrowser();
    try {
        const page = await open(browser, build.url, way, file), data = readFileSync(file).toString("base64");
        await page.zoom(density);
        const times = await page.evaluate(`(async () => {
            const data = Uint8Array.from(atob("${data}"), c => c.charCodeAt(0)), others = fetch;
            window.fetch = url => /bench\\.lic$/.test(url) ? Promise.resolve(new Response(data)) : others(url);
            const img = new Image(), begin = performance.now();
            let first = 0;
            const done = new Promise(resolve => new MutationObserver(() => {
                first ||= img.dataset.lic ? performance.now() - begin : 0;
                if (/done|error/.test(img.dataset.lic))
                    resolve(img.dataset.lic);
            }).observe(img, { attributes: true }));
            img.style.width = "${shown}px";
            img.src = "bench.lic";
            document.body.prepend(img);
            if (await done === "error")
                throw new Error(img.title);
            await img.decode();
            return { first, last: performance.now() - begin };
        })()`);
        return { ...times, memory: await browser.mostMemory() };
    } finally {
        await browser.close();
    }
}

async function benchImage(i) {
    const rows = new Map();
    for (let turn = 0; turn < turns; turn++)
        for (const way of WAYS.slice(0, 2))
            for (const density of [1, 2])
                for (const build of builds) {
                    const key = `| ${way.name}, ${density} | ${build.name} `;
                    rows.set(key, [...rows.get(key) ?? [], await measureImage(build, build.files[i], way, density)]);
                }
    console.log(`## ${basename(builds[0].files[i])}, shown ${shown} pixels wide\n\n` +
        `| threads, pixels of the screen for one | build | first | sharp | memory |\n|---|---|---|---|---|`);
    for (const [key, values] of rows) {
        const of = name => median(values.map(v => v[name]));
        console.log(`${key}| ${(of("first") / 1e3).toFixed(1)} s | ${(of("last") / 1e3).toFixed(1)} s | ` +
            `${of("memory").toFixed(0)} MB |`);
    }
    console.log();
}

/* Rows of one file: for each way and build the time of the whole picture and of the preview. */
async function bench(browser, i) {
    const times = new Map();
    for (let turn = 0; turn < turns; turn++)
        for (const way of WAYS)
            for (const build of builds) {
                const key = `| ${build.name}, ${way.name} `;
                const page = await open(browser, build.url, way, build.files[i]);
                times.set(key, times.get(key) ?? { whole: [], preview: [] });
                times.get(key).whole.push(await measure(page, build.files[i], 1));
                times.get(key).preview.push(await measure(page, build.files[i], 16));
                await page.close();
            }
    console.log(`## ${basename(builds[0].files[i])}\n\n| build | picture | preview, 1/16 |\n|---|---|---|`);
    for (const [key, { whole, preview }] of times)
        console.log(`${key}| ${(median(whole) / 1e3).toFixed(2)} s | ${(median(preview) / 1e3).toFixed(2)} s |`);
    console.log();
}

const browser = await startBrowser();
try {
    for (const build of builds)
        build.url = await serve(build);
    for (let i = 0; i < builds[0].files.length; i++)
        await (shown ? benchImage(i) : bench(browser, i));
} finally {
    await browser.close();
    builds.forEach(build => build.server?.kill());
}
