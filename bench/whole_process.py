#!/usr/bin/env python3
"""CPU time and peak memory of whole processes, side by side, as tables for the README.

Every program reads the same file as its standard input and writes to a file. The runs are interleaved, so that a busy
minute of the machine hits all of them; the figures are medians of user + system time and of the peak resident size.
Compare the ratios: the seconds are this machine's.

This process must stay small and never read an input as a whole: the kernel counts what the starting process held at the
time of the start as part of the peak of the started one. That floor is measured and said. (So no argparse, no
statistics.)

    whole_process.py [RUNS]        runs of each program, an odd number, 9 where none is given
"""

import gzip
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
UNROOT = ROOT / "target" / "release" / "unroot"
STATIC = os.environ.get("UNROOT_STATIC")
WASMTIME = ROOT / "bin" / "wasmtime"
SHARED = Path(os.environ.get("UNROOT_SHARED", ROOT.parent / "shared"))
RELEASE = "26.03"
COPIES = (1, 4, 16)
MIB = 1024 * 1024

CONFIG = """\
apiVersion: fn.kubeflow.org/v1alpha1
kind: Unroot
metadata:
  name: unroot
spec:
  podSecurity:
    enforce: baseline
    warn: restricted
"""

CNI = "  istio:\n    mode: cni\n"
AMBIENT = "  istio:\n    mode: ambient\n"
HARDEN = "  workloads:\n    harden: restricted\n"
MODES = {
    "labels": "",
    "labels and `istio.mode: cni`": CNI,
    "labels, `istio.mode: cni` and `harden: restricted`": CNI + HARDEN,
    "labels and `istio.mode: ambient`": AMBIENT,
    "labels, `istio.mode: ambient` and `harden: restricted`": AMBIENT + HARDEN,
}


# All of the input into memory, then all of it out: the least that a program does that must see the end before it writes.
COPY = "copy through memory (`dd`)"


def copies(source):
    return [
        Program(COPY, ["dd", "bs=256M", "iflag=fullblock", "status=none"], source),
        Program("`cat`", ["cat"], source),
    ]


class Program:
    """One command line, and what each of its runs has cost."""

    def __init__(self, name, arguments, source, exits=(0,)):
        self.name, self.arguments, self.source, self.exits = name, arguments, source, exits
        self.seconds, self.peaks = [], []

    def run(self):
        out = WORK / "out"
        with open(self.source, "rb") as stdin, open(out, "wb") as stdout, open(WORK / "err", "wb") as stderr:
            files = [(os.POSIX_SPAWN_DUP2, stream.fileno(), number) for number, stream in enumerate((stdin, stdout, stderr))]
            pid = os.posix_spawnp(self.arguments[0], self.arguments, os.environ, file_actions=files)
            _, status, usage = os.wait4(pid, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if exit_code not in self.exits:
            sys.exit(f"error: {self.name} ended with {exit_code}: {(WORK / 'err').read_text()[:500]}")
        self.seconds.append(usage.ru_utime + usage.ru_stime)
        self.peaks.append(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
        return out.stat().st_size

    @property
    def cpu(self):
        return median(self.seconds)

    @property
    def peak(self):
        return median(self.peaks)

    @property
    def input_size(self):
        return self.source.stat().st_size


def unpack():
    """The recorded list with its items once, four and sixteen times, and the recorded stream."""
    packed = SHARED / "kubeflow" / f"{RELEASE}.resourcelist.yaml.gz"
    if not packed.is_file():
        sys.exit(f"error: kubeflow/{RELEASE}.resourcelist.yaml.gz not found: set UNROOT_SHARED to the folder with the recorded builds")
    config = "".join(f"  {line}\n" for line in CONFIG.splitlines())
    lists = {}
    for copies in COPIES:
        lists[copies] = WORK / f"list-{copies}.yaml"
        with open(lists[copies], "w", encoding="utf-8", newline="") as out:
            for copy in range(copies):
                with gzip.open(packed, "rt", encoding="utf-8", newline="") as lines:
                    for line in lines:
                        if line == "functionConfig:\n":
                            break
                        if copy == 0 or line[0] in "- ":
                            out.write(line)
            out.write("functionConfig:\n" + config)
    stream = WORK / "stream.yaml"
    with gzip.open(SHARED / "kubeflow" / f"{RELEASE}.yaml.gz", "rb") as packed, open(stream, "wb") as out:
        while chunk := packed.read(1 << 16):
            out.write(chunk)
    return lists, stream


def with_mode(release, name, mode):
    """A recorded list with the labels' configuration and more."""
    path = WORK / f"{release}-{name}.yaml"
    config = "".join(f"  {line}\n" for line in (CONFIG + mode).splitlines())
    with gzip.open(SHARED / "kubeflow" / f"{release}.resourcelist.yaml.gz", "rt", encoding="utf-8", newline="") as lines:
        with open(path, "w", encoding="utf-8", newline="") as out:
            for line in lines:
                if line == "functionConfig:\n":
                    break
                out.write(line)
            out.write("functionConfig:\n" + config)
    return path


def modes(runs):
    """What the Istio modes and hardening cost on top of labels."""
    rows = []
    for release in (RELEASE, "v1.8.1"):
        programs = [
            Program(name, [str(UNROOT)], with_mode(release, index, mode), exits=(0, 1))
            for index, (name, mode) in enumerate(MODES.items())
            # Kubeflow 1.8.1 has Istio 1.17, which has no ambient mode.
            if release == RELEASE or AMBIENT not in mode
        ]
        measure(programs, runs)
        rows += [[release, each.name, f"{each.cpu:.3f}", times(each.cpu / programs[0].cpu)] for each in programs]
    table(["Kubeflow", "", "CPU s", "CPU / labels"], rows)


def plans(check, runs):
    """What it costs to judge every pod in every data plane mode, as it is and hardened, beside judging it once."""
    plan = Program("`unroot plan`", [str(UNROOT), "plan", "--output", "json", "-"], check.source)
    programs = [Program(check.name, check.arguments, check.source, check.exits), plan]
    measure(programs, runs)
    rows = [
        [each.name, f"{each.cpu:.3f}", times(each.cpu / programs[0].cpu), times(each.peak / each.input_size)]
        for each in programs
    ]
    table([f"{RELEASE} as a stream", "CPU s", "CPU / check", "peak / input"], rows)


def wasi(source, runs):
    """The WASI command in the engines that are at hand, beside the native one on the same list.

    Wasmtime compiles the module once, as whoever calls it more than once would; Node.js compiles it at every start.
    """
    module = str(ROOT / "dist" / "unroot.wasm")
    engines = {"Node.js": ["node", str(ROOT / "scripts" / "run-wasi.mjs"), module]}
    if WASMTIME.is_file():
        compiled = str(WORK / "unroot.cwasm")
        if os.spawnv(os.P_WAIT, str(WASMTIME), [str(WASMTIME), "compile", "-o", compiled, module]) != 0:
            sys.exit("error: Wasmtime cannot compile dist/unroot.wasm")
        engines = {"Wasmtime": [str(WASMTIME), "run", "--allow-precompiled", compiled], **engines}
    native = Program("native", [str(UNROOT)], source)
    programs, starts = [], []
    for name, command in engines.items():
        start = Program(name, [*command, "--version"], Path(os.devnull))
        try:
            start.run()
        except (FileNotFoundError, SystemExit) as missing:
            print(f"The WASI command was not run in {name}: {missing}\n")
            continue
        starts.append(start)
        programs.append(Program(name, command, source))
    measure([native, *programs], runs)
    measure(starts, runs)
    rows = [["native", f"{native.cpu:.3f}", "", "1.00", f"{native.peak / MIB:.0f}"]]
    for each, start in zip(programs, starts):
        rows.append([each.name, f"{each.cpu:.3f}", f"{start.cpu:.3f}", times(each.cpu / native.cpu), f"{each.peak / MIB:.0f}"])
    print("The WASI command on the same list, whole processes. The start is that of the engine with the module, for `--version`.\n")
    table(["engine", "CPU s", "of it start", "CPU / native", "peak MiB"], rows)


def worst_cases():
    """The inputs that take most memory for their size: their files, and the most that a run may hold."""
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a{}\n"
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: "

    def many(resources):
        return (f"---\n{namespace.format(number)}" for number in range(resources))

    def scalar(megabytes):
        yield config_map + '"'
        yield from ("x" * 1_000_000 for _ in range(megabytes))
        yield '"\n'

    def bomb():
        yield config_map + "text\nb0: &b0 [a]\n"
        yield from (f"b{level}: &b{level} [{', '.join([f'*b{level - 1}'] * 10)}]\n" for level in range(1, 40))

    def nested(levels):
        yield config_map + "[" * levels + "]" * levels + "\n"

    return {
        "100,000 namespaces, each of them changed": (many(100_000), 0, 512),
        "one resource more than the limit": (many(100_001), 2, 160),
        "a scalar of 100 MB": (scalar(100), 0, 125),
        "aliases that stand for 10^39 nodes": (bomb(), 0, 32),
        "100,000 brackets in brackets": (nested(100_000), 2, 32),
    }


def limits():
    """What a run may hold in the worst case is asserted, since no test sees it."""
    rows = []
    for index, (name, (texts, exit_code, bound)) in enumerate(worst_cases().items()):
        path = WORK / f"worst-{index}.yaml"
        with open(path, "w", encoding="utf-8", newline="") as out:
            for text in texts:
                out.write(text)
        run = Program(name, [str(UNROOT), "enforce=baseline"], path, exits=(exit_code,))
        run.run()
        path.unlink()
        rows.append([name, str(exit_code), f"{run.cpu:.2f}", f"{run.peak / MIB:.0f}", str(bound)])
        if run.peak > bound * MIB:
            sys.exit(f"error: {name}: {run.peak / MIB:.0f} MiB at the peak, and no more than {bound} are allowed")
    table(["worst case", "exit code", "CPU s", "peak MiB", "allowed"], rows)


def measure(programs, runs):
    for _ in range(runs):
        for program in programs:
            if program.run() == 0:
                sys.exit(f"error: {program.name} has written nothing")


def table(header, rows):
    print("| " + " | ".join(header) + " |")
    print("|" + " --- |" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def median(values):
    return sorted(values)[len(values) // 2]


def times(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def named(programs, name):
    return next((program for program in programs if program.name == name), None)


def side_by_side(programs, yardstick, floor):
    copy = named(programs, COPY)
    header = ["", "CPU s", "peak MiB", "peak / input", "CPU / copy"]
    header += [f"{yardstick.name}: CPU / this", f"{yardstick.name}: peak / this"] if yardstick else []
    rows = []
    for program in programs:
        # A peak at the floor is an upper bound, and no ratio comes of it.
        bound = program.peak <= floor * 1.05
        row = [program.name, f"{program.cpu:.3f}"]
        row += [f"<= {program.peak / MIB:.1f}", ""] if bound else [f"{program.peak / MIB:.1f}", times(program.peak / program.input_size)]
        row += [times(program.cpu / copy.cpu)]
        if yardstick:
            row += [times(yardstick.cpu / program.cpu), "" if bound else times(yardstick.peak / program.peak)]
        rows.append(row)
    table(header, rows)


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9

    lists, stream = unpack()
    floor = Program("true", ["true"], Path(os.devnull))
    floor.run()

    filters = [Program("`unroot` labels", [str(UNROOT)], lists[1])]
    if STATIC:
        filters.append(Program("the same, static binary of a release", [STATIC], lists[1]))
    if (WORK / "kyaml-identity").is_file():
        filters.append(Program("kyaml identity (Go)", [str(WORK / "kyaml-identity")], lists[1]))
    filters += copies(lists[1])
    growth = [Program(f"{copies}", [str(UNROOT)], lists[copies]) for copies in COPIES]
    copied = [Program("`cat`", ["cat"], lists[copies]) for copies in COPIES]
    measure(filters + growth + copied, runs)

    print(f"Kubeflow {RELEASE} as a ResourceList, {lists[1].stat().st_size / 1e6:.1f} MB; medians of {runs} interleaved runs.")
    print(f"Peaks up to {floor.peak / MIB:.1f} MiB are those of the process that starts the others.\n")
    side_by_side(filters, named(filters, "kyaml identity (Go)"), floor.peak)

    def per_byte(programs):
        return [program.cpu / program.input_size / (programs[0].cpu / programs[0].input_size) for program in programs]

    table(
        ["copies of the list", "MB", "CPU s", "CPU per byte, 1 copy = 1", "the same of `cat`", "peak / input"],
        [
            [each.name, f"{each.input_size / 1e6:.0f}", f"{each.cpu:.3f}", times(own), times(cat), times(each.peak / each.input_size)]
            for each, own, cat in zip(growth, per_byte(growth), per_byte(copied))
        ],
    )

    limits()
    wasi(lists[1], runs)
    modes(runs)

    check = Program("`unroot check`", [str(UNROOT), "check", "--level", "restricted", "--output", "jsonl", "-"], stream, exits=(0, 1))
    plans(check, runs)

    if not (WORK / "psa-check").is_file():
        return
    prefiltered = Program("pod-security-admission, kinds found by text first (Go)", [str(WORK / "psa-check"), "-prefilter"], stream)
    checks = [
        Program(check.name, check.arguments, stream, check.exits),
        prefiltered,
        Program("pod-security-admission (Go)", [str(WORK / "psa-check")], stream),
        *copies(stream),
    ]
    if STATIC:
        checks.insert(1, Program("the same, static binary of a release", [STATIC, *check.arguments[1:]], stream, check.exits))
    measure(checks, runs)
    # This process has grown since.
    floor = Program("true", ["true"], Path(os.devnull))
    floor.run()
    print(f"The same build as a stream, {stream.stat().st_size / 1e6:.1f} MB, every pod judged by restricted.")
    print(f"Peaks up to {floor.peak / MIB:.1f} MiB are those of the process that starts the others.\n")
    side_by_side(checks, prefiltered, floor.peak)


main()
