/* browser.mjs - a headless Chromium that tests talk to: the DevTools protocol over a pair of pipes
 * (--remote-debugging-pipe), JSON messages that end with a zero byte. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function startBrowser() {
    const profile = mkdtempSync(join(tmpdir(), "lic-chromium-"));
    const child = spawn("chromium", ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-dev-shm-usage", "--remote-debugging-pipe", "--window-size=900,900",
        `--user-data-dir=${profile}`, "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const [, , , to, from] = child.stdio;
    const calls = new Map();
    let lastId = 0, text = "";
    from.setEncoding("utf8");
    from.on("data", part => {
        text += part;
        for (let end; (end = text.indexOf("\0")) >= 0; text = text.slice(end + 1)) {
            const { id, result, error, method, sessionId } = JSON.parse(text.slice(0, end));
            const call = calls.get(id ?? method + sessionId);
            calls.delete(id ?? method + sessionId);
            if (call)
                error ? call.reject(new Error(error.message)) : call.resolve(result);
        }
    });
    child.on("exit", () => calls.forEach(call => call.reject(new Error("the browser ended"))));

    function send(method, params = {}, sessionId) {
        return new Promise((resolve, reject) => {
            calls.set(++lastId, { resolve, reject });
            to.write(JSON.stringify({ id: lastId, method, params, sessionId }) + "\0");
        });
    }

    /* A new page: evaluate(expression) gives its value, a promise's too; screenshot() a PNG; zoom(factor, width) has
     * so many pixels of the screen for each of CSS, in a window of that width. */
    async function open(url) {
        const { targetId } = await send("Target.createTarget", { url: "about:blank" });
        const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
        const page = {
            async evaluate(expression) {
                const { result, exceptionDetails } = await send("Runtime.evaluate",
                    { expression, awaitPromise: true, returnByValue: true }, sessionId);
                if (exceptionDetails)
                    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
                return result.value;
            },
            async screenshot() {
                const { data } = await send("Page.captureScreenshot", { format: "png" }, sessionId);
                return Buffer.from(data, "base64");
            },
            async zoom(deviceScaleFactor, width = 900) {
                await send("Emulation.setDeviceMetricsOverride",
                    { width, height: 900, deviceScaleFactor, mobile: false }, sessionId);
                await page.screenshot(); /* a page is told when it is drawn, which nothing else makes it do */
            },
            async go(to) {
                const loaded = new Promise((resolve, reject) =>
                    calls.set("Page.loadEventFired" + sessionId, { resolve, reject }));
                await send("Page.navigate", { url: to }, sessionId);
                await loaded;
            },
            close: () => send("Target.closeTarget", { targetId }),
        };
        await send("Page.enable", {}, sessionId);
        await page.go(url);
        return page;
    }

    async function close() {
        await send("Browser.close").catch(() => {});
        await new Promise(resolve => child.exitCode === null ? child.on("exit", resolve) : resolve());
        rmSync(profile, { recursive: true, force: true });
    }

    /* MB that the process of a page has had at most, of the page that had the most. */
    async function mostMemory() {
        const { processInfo } = await send("SystemInfo.getProcessInfo");
        return Math.max(...processInfo.filter(({ type }) => type === "renderer").map(({ id }) =>
            Number(readFileSync(`/proc/${id}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]) / 1024));
    }
    return { open, close, mostMemory };
}
