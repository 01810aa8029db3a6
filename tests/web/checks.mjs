/* checks.mjs - what tests of pages share: counted checks, pictures that the program has decoded, and what a page
 * makes of the files in the folder that a server serves. A test ends with finish(). */
import { readFileSync } from "node:fs";

export const [folder, plain, isolated] = process.argv.slice(2).map(a => a.trim());
let passed = 0, failed = 0;

export function check(name, ok, detail = "") {
    if (ok)
        passed++;
    else {
        failed++;
        console.log(`FAILED ${name} ${detail}`);
    }
}

/* Last line: N passed, N failed. */
export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed ? 1 : 0);
}

export function readPPM(name) {
    const data = readFileSync(`${folder}/${name}.ppm`);
    const [head, width, height] = data.subarray(0, 40).toString("latin1").match(/^P6\s+(\d+)\s+(\d+)\s+255\s/);
    return { width: +width, height: +height, data: data.subarray(head.length) };
}

/* Where EXIF's orientation puts the first row and the first column of a picture. */
const SIDES = [, "top left", "top right", "bottom right", "bottom left",
    "left top", "right top", "right bottom", "left bottom"].map(s => s?.split(" "));

export function turn({ width, height, data }, orientation) {
    const [row, column] = SIDES[orientation], across = row === "top" || row === "bottom";
    const w = across ? width : height, h = across ? height : width, out = Buffer.alloc(data.length);
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
            const from = side => ({ top: y, left: across ? x : y, bottom: h - 1 - y, right: w - 1 - (across ? x : y) })[side];
            const vx = across ? from(column) : from(row);
            const vy = across ? from(row) : (column === "top" ? x : h - 1 - x);
            data.copy(out, 3 * (vy * w + vx), 3 * (y * width + x), 3 * (y * width + x) + 3);
        }
    return { width: w, height: h, data: out };
}

/* The largest difference of colours from RGBA. */
export function difference(rgba, rgb) {
    let worst = 0, sum = 0;
    for (let i = 0; i < rgb.length / 3; i++)
        for (let c = 0; c < 3; c++) {
            const d = Math.abs(rgba[4 * i + c] - rgb[3 * i + c]);
            worst = Math.max(worst, d);
            sum += d;
        }
    return { worst, mean: sum / rgb.length };
}

export async function decode(page, name, options = {}) {
    const r = await page.evaluate(`(async () => {
        const { decode } = await import("/lic.js");
        const data = await (await fetch("/${name}.lic")).arrayBuffer();
        const fractions = [];
        const picture = await decode(data, { ...${JSON.stringify(options)}, onProgress: f => fractions.push(f) });
        let text = "";
        for (let i = 0; i < picture.pixels.length; i += 8192)
            text += String.fromCharCode(...picture.pixels.subarray(i, i + 8192));
        return { ...picture, fractions, pixels: btoa(text) };
    })()`);
    return { ...r, pixels: Buffer.from(r.pixels, "base64") };
}

export async function until(page, expression, seconds = 200) {
    for (const end = Date.now() + 1000 * seconds; Date.now() < end;) {
        if (await page.evaluate(expression))
            return true;
        await new Promise(done => setTimeout(done, 100));
    }
    return false;
}
