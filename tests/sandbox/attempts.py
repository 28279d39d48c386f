"""Programs that try to get out of a sandbox, or to use more than it gives.

A program finds in FILE the path of a secret, in MARK a path at which nothing may appear, in PORT a port at which
somebody listens, and in HOST the number of the process that runs it. Each is (number, what it tries, program, how it
ends in Monty, how it ends in the locked process); an end in capitals is the exception.
"""

WALK = """
for each in found:
    init = getattr(each, "__init__", None)
    space = getattr(init, "__globals__", {})
    for name in ("system", "open", "popen", "spawnl"):
        try:
            space[name]("touch " + MARK) if name != "open" else print(space[name](FILE).read())
        except Exception:
            pass
    builtin = space.get("__builtins__", {})
    builtin = builtin if isinstance(builtin, dict) else vars(builtin)
    try:
        print(builtin["open"](FILE).read())
    except Exception:
        pass
"""

ROWS = [
    (1, "read a file", "print(open(FILE).read())", "PermissionError", "PermissionError"),
    (2, "write a file", "open(MARK, 'w').write('x')", "PermissionError", "PermissionError"),
    (3, "the working directory", "import os\nos.getcwd()", "done", "PermissionError"),
    (4, "__import__", "__import__('os').system('touch ' + MARK)", "NameError", "done"),
    (
        5,
        "importlib",
        "import importlib\nimportlib.import_module('socket')",
        "ModuleNotFoundError",
        "ModuleNotFoundError",
    ),
    (6, "__builtins__", "print(vars(__builtins__)['open'](FILE).read())", "NameError", "PermissionError"),
    (7, "all classes", "found = ().__class__.__base__.__subclasses__()" + WALK, "AttributeError", "done"),
    (
        8,
        "all classes by getattr",
        "found = getattr(getattr(getattr((), '__cla' + 'ss__'), '__ba' + 'se__'), '__subcl' + 'asses__')()"
        + WALK,
        "AttributeError",
        "done",
    ),
    (
        9,
        "attributes by format",
        "text = '{0.__class__.__base__.__subclasses__}'.format(())\ntext",
        "raised",
        "done",
    ),
    (
        10,
        "attributes by format_map",
        "'{x.__class__.__init__.__globals__}'.format_map({'x': ()})",
        "AttributeError",
        "AttributeError",
    ),
    (
        11,
        "globals of a function",
        "def f(): pass\nprint(f.__globals__['__builtins__'].open(FILE).read())",
        "AttributeError",
        "PermissionError",
    ),
    (
        12,
        "code of a function",
        "def f(): pass\nf.__code__ = f.__code__.replace(co_consts=(1,))",
        "AttributeError",
        "done",
    ),
    (
        13,
        "frames of a generator",
        "g = (g.gi_frame.f_back.f_back.f_globals for _ in [0])\nprint(list(g)[0]['os'].system('touch ' + MARK))",
        "raised",
        "done",
    ),
    (
        14,
        "frames of a traceback",
        "try:\n    1 / 0\nexcept Exception as e:\n    frame = e.__traceback__.tb_frame\n"
        "    while frame:\n        if 'os' in frame.f_globals:\n"
        "            frame.f_globals['os'].system('touch ' + MARK)\n        frame = frame.f_back",
        "AttributeError",
        "done",
    ),
    (15, "a class by type()", "type('A', (), {'x': 1})().x", "done", "done"),
    (
        16,
        "a metaclass",
        "class M(type):\n    def __getattr__(cls, name):\n        return name\nclass A(metaclass=M): pass\nA.x",
        "NotImplementedError",
        "done",
    ),
    (17, "eval", "eval('open(FILE).read()')", "PermissionError", "PermissionError"),
    (18, "exec", "exec('print(open(FILE).read())')", "PermissionError", "PermissionError"),
    (19, "compile", "eval(compile('open(FILE).read()', 'x', 'eval'))", "NameError", "PermissionError"),
    (20, "globals()", "print(globals()['__builtins__'].open(FILE).read())", "raised", "PermissionError"),
    (21, "vars and dir", "print(vars(dir.__self__)['open'](FILE).read())", "raised", "PermissionError"),
    (22, "breakpoint", "breakpoint()", "NameError", "done"),
    (23, "help", "help()", "NameError", "NameError"),
    (24, "input", "input()", "NameError", "EOFError"),
    (25, "sys.modules", "import sys\nsys.modules['os'].system('touch ' + MARK)", "raised", "done"),
    (
        26,
        "a socket",
        "import socket\nsocket.create_connection(('127.0.0.1', PORT))",
        "ModuleNotFoundError",
        "ModuleNotFoundError",
    ),
    (
        27,
        "another process",
        "import subprocess\nsubprocess.run(['touch', MARK])",
        "ModuleNotFoundError",
        "ModuleNotFoundError",
    ),
    (
        28,
        "ctypes",
        "import ctypes\nctypes.CDLL(None).system(b'touch ' + MARK.encode())",
        "ModuleNotFoundError",
        "ModuleNotFoundError",
    ),
    (
        29,
        "a module of a module",
        "import json\nprint(json.codecs.open(FILE).read())",
        "AttributeError",
        "PermissionError",
    ),
    (
        30,
        "modules behind re",
        "import re\nre.enum.sys.modules['os'].system('touch ' + MARK)",
        "AttributeError",
        "done",
    ),
    (
        31,
        "modules behind collections",
        "import collections\ncollections._sys.modules['os'].system('touch ' + MARK)",
        "AttributeError",
        "done",
    ),
    (
        32,
        "pathlib",
        "from pathlib import Path\nprint(Path(FILE).read_text())",
        "PermissionError",
        "ModuleNotFoundError",
    ),
    (33, "the environment", "import os\nprint(dict(os.environ))", "raised", "done"),
    (34, "no end", "while True: pass", "time", "time"),
    (35, "a list of 10^10", "[0] * 10**10", "memory", "memory"),
    (36, "a text of 10^10", "'a' * 10**10", "memory", "memory"),
    (37, "a doubling text", "s = 'a' * 100\nwhile True: s += s", "memory", "memory"),
    (38, "a number of 10^8 digits", "x = 10 ** 10**8 + 1\nlen(str(x))", "any limit", "any limit"),
    (39, "print a number of a million digits", "print(1 << 3_400_000)", "ValueError", "ValueError"),
    (40, "endless recursion", "def f(): return f()\nf()", "RecursionError", "RecursionError"),
    (41, "a list 10^6 deep", "a = []\nfor _ in range(10**6): a = [a]\nlen(repr(a))", "any", "any"),
    (42, "a regex that never ends", "import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')", "done", "time"),
    (43, "a flood", "while True: print('x' * 10**6)", "time", "time"),
    (44, "a width of 10^9", "f'{1:>1000000000}'", "any limit", "memory"),
    (45, "a list of a range", "list(range(10**9))", "any limit", "any limit"),
    (
        46,
        "catch everything for ever",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "time",
        "time",
    ),
    (
        47,
        "at the end of an object",
        "class A:\n    def __del__(self):\n        print(open(FILE).read())\na = A()\na = 0",
        "any",
        "done",
    ),
    (48, "take a helper's place", "ask = lambda text: 'fake'\nask('x')", "done", "done"),
    (49, "a helper in a helper", "ask(ask(ask('x')))", "done", "done"),
    (50, "another spelling of open", "print(ｏｐｅｎ(FILE).read())", "PermissionError", "PermissionError"),
    (51, "half of a character", "print('\\ud800')", "done", "done"),
    (52, "control characters", "print('\\0\\x1b[2J\\x07\\u202e')", "done", "done"),
    (53, "5,000 parentheses", "(" * 5000 + ")" * 5000, "any", "raised"),
    (
        54,
        "all of os",
        "from os import *\nsystem('touch ' + MARK)\nimport builtins\nopen = builtins.open",
        "raised",
        "done",
    ),
    (
        55,
        "unpickle",
        'import pickle\npickle.loads(b"cos\\nsystem\\n(S\'touch " + MARK.encode() + b"\'\\ntR.")',
        "ModuleNotFoundError",
        "ModuleNotFoundError",
    ),
]
"""Those of the table, which are tried on both."""

LOCKED = [
    (56, "its own environment and memory", "print(open('/proc/self/environ').read())", "PermissionError"),
    (56, "its own memory", "open('/proc/self/mem', 'rb').read(1)", "PermissionError"),
    (56, "its descriptors", "import os\nos.listdir('/proc/self/fd')", "PermissionError"),
    (57, "to outlive a signal", "import signal\nsignal.signal(15, signal.SIG_IGN)", "raised"),
    (58, "to fork", "import os\nos.fork()", "PermissionError"),
    (59, "a thread", "import _thread\n_thread.start_new_thread(print, ())", "raised"),
    (60, "to stay at exit", "import sys\nsys.modules['atexit'].register(lambda: open(MARK, 'w'))", "raised"),
    (62, "no output", "import sys\nsys.stdout.close()", "AttributeError"),
    (62, "another output", "import sys\nsys.stdout = None\nprint('x')", "done"),
    (62, "the first output", "import sys\nprint('x', file=sys.__stdout__)", "done"),
    (
        63,
        "a result that holds itself",
        "a = {}\na['a'] = a\na",
        "done",
    ),
    (63, "a result of 1 GB", "'a' * (1 << 26)", "any"),
    (63, "a result that is no number", "[float('nan')]", "done"),
    (63, "keys that are no texts", "{1: 2}", "done"),
    (
        64,
        "a result with a say",
        "class A(str):\n    def __repr__(self): raise SystemExit\n    __eq__ = __str__ = __reduce__ = __repr__\nA('x')",
        "done",
    ),
    (
        70,
        "shared memory",
        "import os\nos.open('/dev/shm/longspan', os.O_CREAT | os.O_RDWR)",
        "PermissionError",
    ),
    (70, "a link", "import os\nos.symlink(FILE, MARK)", "PermissionError"),
    (71, "the module of sockets", "import _socket\n_socket.socket()", "ModuleNotFoundError"),
    (73, "to end its host", "import os\nos.kill(HOST, 9)", "PermissionError"),
    (74, "a file in memory", "import os\nos.memfd_create('x')", "PermissionError"),
    (
        75,
        "to run another",
        "import os\nos.execv('/bin/sh', ['sh', '-c', 'touch ' + MARK])",
        "PermissionError",
    ),
    (75, "a process by spawn", "import posix\nposix.posix_spawn('/bin/sh', ['sh'], {})", "raised"),
    (
        76,
        "more than its limits",
        "import sys\nsys.modules['resource'].setrlimit(0, (-1, -1))",
        "raised",
    ),
    (78, "a deep stack", "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()", "any"),
    (
        78,
        "a deep stack in C",
        "import sys\nsys.setrecursionlimit(10**9)\na = []\nfor _ in range(10**6): a = [a]\nrepr(a)",
        "any",
    ),
    (80, "keys of one hash", "d = {}\nfor i in range(10**5): d[i * (2**61 - 1)] = 0", "any"),
    (81, "a bomb", "import zlib\nzlib.decompress(b'')", "ModuleNotFoundError"),
    (
        82,
        "to watch helpers",
        "import sys\nsys.settrace(lambda *a: print(a[0].f_globals.get('FILE')))\nask('x')",
        "done",
    ),
    (
        83,
        "objects of the host",
        "import gc\n[type(each).__name__ for each in gc.get_objects()].count('LockedSandbox')",
        "done",
    ),
    (85, "a log", "import logging\nlogging.FileHandler(MARK)", "ModuleNotFoundError"),
    (87, "to sleep", "import time\ntime.sleep(30)", "time"),
    (
        87,
        "to fall asleep at the end of an object",
        "import time\nclass A:\n    def __del__(self): time.sleep(30)\na = A()\ndel a",
        "time",
    ),
    (0, "to leave", "import os\nos._exit(0)", "died"),
    (0, "to leave politely", "raise SystemExit", "SystemExit"),
    (
        0,
        "to close the channel",
        "import os\nfor n in range(16):\n    try: os.close(n)\n    except OSError: pass",
        "any",
    ),
    (0, "a lasting __del__", "class B:\n    def __del__(self):\n        while True: pass\nB()", "time"),
    (0, "files by number", "import os\nos.open(FILE, os.O_RDONLY)", "PermissionError"),
    (0, "its parent", "import os\nprint(os.getppid())", "any"),
    (0, "a million small prints", "for i in range(10**5): print(i)", "any"),
]
"""Further ones, that only a whole Python can try."""
