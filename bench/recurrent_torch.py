"""The recurrent layers of recurrent.bench.ts in PyTorch on the CPU: milliseconds forward and backward, the fastest of 10.

    pip install torch==2.13.0
    python bench/recurrent_torch.py
"""

import time

import torch

torch.manual_seed(1)
print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
for steps, batch, inputs, hidden in [(300, 100, 1, 50), (10, 64, 128, 256)]:
    for kind in (torch.nn.LSTM, torch.nn.GRU):
        layer = kind(inputs, hidden)
        x = torch.randn(steps, batch, inputs, requires_grad=True)
        times = []
        for _ in range(10):
            start = time.perf_counter()
            outputs, _ = layer(x)
            outputs[-1].sum().backward()
            times.append(time.perf_counter() - start)
        print(f"{kind.__name__} {hidden} over [{steps}, {batch}, {inputs}]: {1000 * min(times):.1f} ms")
