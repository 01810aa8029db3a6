"""Time the kernels of block_kernels.py and narrow.py over launch shapes, at the sizes of a configuration.

tune_fused.py CONFIG.json [--kernels norm_bwd,dw_bwd] [--stages 0,1,2]

Beside each time stands the time that the bytes of the kernel's inputs and outputs take at the copy bandwidth. Compiling
takes most of the time: run one process per stage at once.
"""
import argparse
import itertools
import json

import torch

import block_kernels as kernels
import narrow
import sums

CHOICES = {
    "attention_fwd": dict(programs=(2112, 16384), warps=(4, 8)),
    "attention_bwd": dict(programs=(528, 2112), warps=(4, 8)),
    "norm_fwd": dict(block=(1024, 2048, 4096), programs=(528, 1056, 4224, 1 << 20), warps=(4,)),
    "norm_bwd": dict(block=(1024, 4096), programs=(528, 1056, 4224), warps=(4, 8)),
    "dw_fwd": dict(rows=(16, 32), columns=(2, 4), channels=(32, 64), warps=(2, 4)),
    "dw_bwd": dict(rows=(16, 32), columns=(2, 4), channels=(32, 64), warps=(4,)),
    "narrow": dict(pixels=(32, 64, 128), warps=(1, 2)),
    "narrow_wgrad": dict(pixels=(32, 64, 128), accumulator=(1024, 2048), programs=(528, 1056), warps=(2,),
                         stages=(1, 2, 3)),
}


def time_ms(f, repeats=10):
    for _ in range(2):
        f()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(repeats):
            f()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    graph.replay()
    begin.record()
    graph.replay()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / repeats


def copy_rate():
    """Bytes read and written per ms."""
    source, target = (torch.randn(2**30, device="cuda").bfloat16() for _ in range(2))
    return 4 * 2**30 / time_ms(lambda: target.copy_(source), 3)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("config")
    ap.add_argument("--kernels", default=",".join(CHOICES))
    ap.add_argument("--stages", default="0,1,2")
    a = ap.parse_args()
    with open(a.config) as f:
        cfg = json.load(f)
    rate = copy_rate()
    print(f"copy: {rate / 1e9:.2f} TB/s")
    for stage in map(int, a.stages.split(",")):
        c = cfg["model"]["ch"][stage]
        size = cfg["size"] >> (stage + 1)
        rand = lambda n: torch.randn(cfg["batch"], size, size, n, device="cuda").bfloat16()
        x, t, qkv, u = rand(c), rand(c), rand(3 * c), rand(2 * c)
        unit = x.numel() * 2
        gain, shift = torch.randn(2, 1, c, device="cuda")
        heads = c // cfg["model"].get("head_dim", 32)
        bias, scale = (torch.randn(heads, kernels.TOKENS, kernels.TOKENS, device="cuda"),
                       torch.full((heads,), 10.0, device="cuda"))
        weight, dw_bias = torch.randn(2 * c, 1, 3, 3, device="cuda"), torch.randn(2 * c, device="cuda")
        calls = {       # kernel: call, size of its inputs and outputs in units of x
            "attention_fwd": (lambda: kernels.attention_forward(qkv, bias, scale, 4), 4),
            "attention_bwd": (lambda: kernels.attention_backward(qkv, bias, scale, 4, x), 7),
            "norm_fwd": (lambda: kernels.norm_forward(t, x, gain, shift), 3),
            "norm_bwd": (lambda: kernels.norm_backward(t, x, gain), 3),
            "dw_fwd": (lambda: kernels.dw_gelu_forward(u, weight, dw_bias), 4),
            "dw_bwd": (lambda: kernels.dw_gelu_backward(u, u, weight), 6),
        }
        # as the last layer of the dense block: of x and two features, and the gradient of all layers' weights of x
        if stage == 0:
            wide = narrow.round16(cfg["model"]["growth"])
            f, w = rand(3 * wide), torch.randn(9, c + 2 * wide, wide, device="cuda").bfloat16()
            calls["narrow"] = lambda: narrow.convolve(f[..., 2 * wide:], x, w[:, :c], f[..., :2 * wide], w[:, c:],
                                                      act=True), 1 + 3 * wide / c
            calls["narrow_wgrad"] = lambda: narrow.convolution_gradient(x, f), 1 + 3 * wide / c
        for name in (n for n in a.kernels.split(",") if n in calls):
            call, units = calls[name]
            config = (narrow if name in narrow.CONFIG else kernels).CONFIG
            now, results = config[name], []
            for values in itertools.product(*CHOICES[name].values()):
                config[name] = dict(zip(CHOICES[name], values))
                results.append((time_ms(call), config[name]))
            config[name] = now
            print(f"{size}x{size}x{c} {name}: now {time_ms(call):.3f} ms {now}, floor {units * unit / rate:.3f} ms",
                  flush=True)
            for ms, choice in sorted(results, key=lambda r: r[0])[:3]:
                print(f"    {ms:.3f} ms {choice}", flush=True)
        sizes = [(c, 3 * c), (c, c), (c, 2 * c), (2 * c, c)]
        for k, n in sizes:      # the products around the kernels
            a_, b_, w = (x.new_empty(x.numel() // c, k).normal_(), x.new_empty(x.numel() // c, n).normal_(),
                         x.new_empty(n, k).normal_())
            whole, pieces = time_ms(lambda: b_.t() @ a_), time_ms(lambda: sums.weight_gradient(b_, a_, b_.dtype))
            print(f"{size}x{size} linear {k}->{n}: forward {time_ms(lambda: a_ @ w.t()):.3f}, "
                  f"input gradient {time_ms(lambda: b_ @ w):.3f}, "
                  f"weight gradient {whole:.3f} whole, {pieces:.3f} as used; floor {(k + n) / c * unit / rate:.3f} ms",
                  flush=True)


if __name__ == "__main__":
    main()
