import type { Job } from "./job.ts";

const C_PROJECT = {
  "main.c": '#include <stdio.h>\nint add(int, int);\nint main(void) { printf("%d\\n", add(40, 2)); return 0; }\n',
  "add.c": "int add(int a, int b) { return a + b; }\n",
  Makefile:
    "app: main.o add.o\n\t$(CC) -o $@ $^\n%.o: %.c\n\t$(CC) -O2 -c -o $@ $<\nclean:\n\trm -f *.o app\n.PHONY: clean\n",
};

/** Compilers and what drives them. */
export const NATIVE_JOBS: readonly Job[] = [
  {
    name: "make and gcc: build in parallel, change, build again",
    quick: true,
    needs: ["make", "gcc"],
    files: C_PROJECT,
    script: `
      make -s -j2 && ./app
      sleep 0.02; sed -i 's/a + b/a * b/' add.c && make -s && ./app
      make -s clean && ls`,
    prints: "42\n80\nMakefile\nadd.c\nmain.c",
  },
  {
    name: "cc: a shared library, loaded at run time, and a debugger's flags",
    quick: true,
    needs: ["gcc"],
    files: C_PROJECT,
    script: `
      cc -g -shared -fPIC -o libadd.so add.c && cc -g -o app main.c -L. -ladd -Wl,-rpath,'$ORIGIN' && ./app
      cc -fsyntax-only -Wall -Wextra main.c add.c && echo clean`,
    prints: "42\nclean",
  },
  {
    // The one that does not work: docs/jobs.md says why.
    name: "gcc: a program under the address sanitizer says that it cannot start",
    quick: false,
    needs: ["gcc"],
    files: { "bad.c": "#include <stdlib.h>\nint main(void) { char *p = malloc(4); p[4] = 1; free(p); return 0; }\n" },
    script: `cc -g -fsanitize=address -o bad bad.c; ./bad 2>&1 | grep -o 'failed to allocate'; cc -g -fsanitize=undefined -o good bad.c && ./good && echo fine`,
    prints: "failed to allocate\nfine",
  },
  {
    name: "cmake and ninja: configure, build and test",
    quick: false,
    needs: ["cmake", "ninja", "gcc"],
    files: {
      ...C_PROJECT,
      "CMakeLists.txt":
        "cmake_minimum_required(VERSION 3.10)\nproject(app C)\nenable_testing()\nadd_executable(app main.c add.c)\nadd_test(NAME runs COMMAND app)\n",
    },
    script: `cmake -S . -B build -G Ninja > /dev/null && cmake --build build > /dev/null && ctest --test-dir build 2>&1 | grep -o '100% tests passed'`,
    prints: "100% tests passed",
  },
];
