"""Kernels under compute-sanitizer: the operators' tables of cases and whole engines. gpu_group.py
asks for it.

Each process gets a time; one that has not ended by then counts as cut off, with the errors until
then. initcheck is for engines alone: the tables' kernels get no memory that nothing was written to.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = "*OnEveryTarget*:*InHalf*:PluginLaunches.*"
TEST_SECONDS = {"memcheck": 130, "racecheck": 110, "synccheck": 80}
ENGINES = ("squeezenet1_1", "bert_base")
ENGINE_TOOLS, ENGINE_SECONDS = ("memcheck", "racecheck", "initcheck", "synccheck"), 150
FIRST_PORT, PORTS = 49152, 10


def find_tool():
    """The program: on the path, in the toolkit, or in Python's package; or None."""
    toolkit = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda"))
    places = [toolkit / "bin", toolkit / "compute-sanitizer"]
    try:
        import nvidia

        places += [found for path in nvidia.__path__ for found in Path(path).glob("*/bin")]
    except ImportError:
        pass
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)])
    return shutil.which("compute-sanitizer", path=path)


def read_log(text):
    """Of a log: how many errors, whether the program called nothing of CUDA (idle), whether the log
    breaks off, and the first errors with their kernels."""
    if "terminated before first instrumented API call" in text:
        return {"errors": 0, "idle": True, "cut_off": False, "first": []}
    told = re.findall(r"^=+ (?:ERROR|RACECHECK) SUMMARY: (\d+)", text, re.M)
    lines = re.findall(
        r"^=+ ((?:Error|Warning|Invalid|Uninitialized|Barrier)\b.*)(?:\n=+ +(at .*))?", text, re.M)
    return {
        "errors": int(told[-1]) if told else len(lines),
        "idle": False,
        "cut_off": not told,
        "first": [" ".join(filter(None, line)) for line in lines[:3]],
    }


def check(program, job, index):
    """Runs a job, which is a tool, seconds, a log, the words of a command and its environment."""
    tool, seconds, log, words, environment = job
    log.unlink(missing_ok=True)
    options = ["--tool", tool, "--log-file", log, "--target-processes", "application-only",
               "--destroy-on-device-error", "kernel", "--report-api-errors", "no",
               "--require-cuda-init", "no", "--max-connections", PORTS,
               "--port", FIRST_PORT + PORTS * index]
    with open(log.with_suffix(".out"), "w") as output:
        process = subprocess.Popen(
            [program, *map(str, options), *map(str, words)], stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **environment})
        try:
            status = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it checks, too
            status = process.wait()
    found = read_log(log.read_text() if log.exists() else "")
    return {**found, "failed": status != 0 and not found["cut_off"]}


def check_all(program, what, jobs):
    """As many at once as there are processors; a line for each tool."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = list(pool.map(check, [program] * len(jobs), jobs, range(len(jobs))))
    lines = []
    for tool in dict.fromkeys(job[0] for job in jobs):
        of_tool = [result for job, result in zip(jobs, found) if job[0] == tool]
        line = {"what": what, "tool": tool, "processes": len(of_tool)}
        for count in ("errors", "failed", "idle", "cut_off"):
            line[count] = sum(result[count] for result in of_tool)
        lines.append(line | {"first": [text for r in of_tool for text in r["first"]][:5]})
        print(json.dumps(lines[-1]), flush=True)
    return lines


def measure(drawbar, results, words_for_inputs):
    """A line for each tool. `words_for_inputs(engine, folder)` is what gives `run` its inputs."""
    program = find_tool()
    if not program:
        return {"skipped": "compute-sanitizer is not installed"}
    logs = Path(results) / "sanitizer"
    logs.mkdir(exist_ok=True)
    shards, found = len(os.sched_getaffinity(0)), []
    for tool, seconds in TEST_SECONDS.items():
        words = [drawbar.program.parent / "unit_tests", f"--gtest_filter={TESTS}"]
        found += check_all(program, "operators' cases", [
            (tool, seconds, logs / f"{tool}_{i}.log", words,
             {"GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(i)})
            for i in range(shards)
        ])
    jobs = []
    for model in ENGINES:
        engine, folder = drawbar.engine(model, "cuda", "fp16"), logs / model
        folder.mkdir(exist_ok=True)
        words = [drawbar.program, "run", engine, *words_for_inputs(engine, folder)]
        jobs += [
            (tool, ENGINE_SECONDS, logs / f"{tool}_{model}.log",
             [*words, "--output", folder / tool], {})
            for tool in ENGINE_TOOLS
        ]
    return found + check_all(program, "runs of " + ", ".join(ENGINES), jobs)
