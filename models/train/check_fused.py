"""Compare the fused layers with the plain ones on a GPU, values and gradients, and time both: check_fused.py
CONFIG.json [--parts dense,up]

Errors are relative to the plain module in float32; beside them stands the error of the plain module in bf16, which the
fused one may exceed twofold at most (plus 0.5 %).
"""
import argparse
import json

import torch

import fused
import model as M
import narrow


def run(f, inputs, params, grad, autocast):
    """-> output and gradients of the inputs and parameters."""
    for p in params:
        p.grad = None
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        y = f(*inputs)
    y.backward(grad.to(y.dtype))
    grads = [x.grad for x in inputs] + [p.grad for p in params]
    return [t.float() for t in [y.detach(), *grads]]


def error(a, reference):
    return ((a - reference).norm() / (reference.norm() + 1e-12)).item()


def time_ms(f, inputs, params, grad, repeats=5):
    for _ in range(3):
        run(f, inputs, params, grad, True)
    graph = torch.cuda.CUDAGraph()
    for p in params:
        p.grad = None
    with torch.cuda.graph(graph):
        run(f, inputs, params, grad, True)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    graph.replay()
    begin.record()
    for _ in range(repeats):
        graph.replay()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / repeats


def check(name, module, forward, inputs, timed=True):
    """-> whether the fused form is right."""
    for _, p in module.named_parameters():
        if p.ndim == 1:
            torch.nn.init.normal_(p, std=0.2)
    for key, p in module.named_parameters():
        if "norm" in key and key.endswith("weight") or ".dw." in key or "out.conv.weight" in key:
            torch.nn.init.normal_(p, std=0.2)
    params = list(module.parameters())
    small = [x[:4] for x in inputs]
    with torch.no_grad():
        grad = torch.randn_like(module(*small))
    reference = run(module, small, params, grad, False)
    plain = run(module, small, params, grad, True)
    fast = run(forward, small, params, grad, True)
    names = ["output"] + [f"input {i}" for i in range(len(small))] + [k for k, _ in module.named_parameters()]
    good, worst = True, (0.0, "", 0.0)
    for key, r, a, b in zip(names, reference, plain, fast):
        e, usual = error(b, r), error(a, r)
        ok = e <= 2 * usual + 5e-3
        good &= ok
        if not ok:
            print(f"    {name}: {key} error {e:.2e}, plain bf16 {usual:.2e}")
        worst = max(worst, (e, key, usual))
    line = f"{'ok ' if good else 'BAD'} {name}: worst {worst[0]:.2e} ({worst[1]}; plain bf16 {worst[2]:.2e})"
    if timed:
        inputs = [x.bfloat16() for x in inputs]
        with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
            grad = torch.randn_like(module(*inputs))
        line += f", {time_ms(module, inputs, params, grad):.3f} -> {time_ms(forward, inputs, params, grad):.3f} ms"
    print(line, flush=True)
    return good


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--parts", default=",".join(fused.PARTS),
                    help="check only these; a kernel that faults takes all later parts with it")
    ap.add_argument("--report", default="", help="write the JSON list of the right parts to this file")
    a = ap.parse_args()
    good = dict.fromkeys(a.parts.split(","), True)
    if not set(good) <= set(fused.PARTS):
        ap.error(f"--parts: any of {', '.join(fused.PARTS)}")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    with open(a.config) as f:
        cfg = json.load(f)
    net = M.Codec(**cfg["model"]).cuda()
    b, s = cfg["batch"], cfg["size"]
    ch = cfg["model"]["ch"]
    random = lambda scale, c: torch.randn(b, s // scale, s // scale, c, device="cuda")

    def part(key, name, module, forward, *shapes):
        if key not in good:
            return
        try:
            inputs = [random(*x) if isinstance(x, tuple) else x for x in shapes]
            good[key] &= check(name, module, forward, inputs)
        except Exception as e:     # one broken part must not hide the others
            print(f"BAD {name}: {type(e).__name__}: {str(e)[:1500]}", flush=True)
            good[key] = False

    g_a, g_s = net.g_a, net.g_s
    for i, st in enumerate((g_a.st1, g_a.st2, g_a.st3)):
        part("rstb", f"RSTB at 1/{2 << i}", st, lambda x, st=st: fused.rstb(st, x), (2 << i, ch[i]))
    part("down", "down1", g_a.down1, lambda x: fused.down_rgb(g_a.down1, x), (1, 3))
    part("dense", "dense block", g_a.enh, lambda x: narrow.dense_block(g_a.enh, x), (2, ch[0]))
    for name, scale, cin in (("up1", 16, cfg["model"]["m"]), ("up2", 8, ch[2]), ("up3", 4, ch[1]), ("up4", 2, ch[0])):
        m = getattr(g_s, name)
        part("up", name, m, lambda x, m=m: fused.up_conv(m, x), (scale, cin))
    for name, m, scale in (("down2", g_a.down2, 2), ("down3", g_a.down3, 4), ("down4", g_a.down4, 8)):
        part("conv", name, m, lambda x, m=m: fused.conv(m, x), (scale, m.conv.in_channels))
    mix = net.mix(torch.rand(b, device="cuda") * (net.levels - 1))
    for name, m, scale in (("rate at 1/2", g_a.rate[0], 2), ("rate at 1/8", g_a.rate[2], 8),
                           ("rate at 1/16", net.hrate, 16)):
        torch.nn.init.normal_(m.w, std=0.2)
        part("elementwise", name, m, lambda x, mix, m=m: fused.rate_affine(m, x, mix), (scale, m.w.shape[-1]), mix)
    ctx = net.ctx[-1]
    for name, m in (("ac.inp", ctx.ac.inp), ("ac.smap.b", ctx.ac.smap.b), ("ep_non.l.1", ctx.ep_non.l[1])):
        part("linear", name, m, lambda x, m=m: fused.linear(m, x), (16, m.in_features))
    for name, m in (("ac.dw", ctx.ac.dw), ("ag.conv", ctx.ag.conv)):
        part("depthwise", f"depthwise {name}", m, lambda x, m=m: fused.depthwise(m, x), (16, m.conv.in_channels))
    print(good)
    if a.report:
        with open(a.report, "w") as f:
            json.dump([p for p, right in good.items() if right], f)


if __name__ == "__main__":
    main()
