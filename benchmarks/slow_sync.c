/* Makes every fsync and fdatasync take at least 2 ms more, as on a disk without a write cache.
 * Loaded by LD_PRELOAD; benchmarks/database_group_commit.py compiles it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int delayed(const char *name, int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct timespec delay = {0, 2000000};
    nanosleep(&delay, NULL);
    return real(descriptor);
}

int fsync(int descriptor) { return delayed("fsync", descriptor); }
int fdatasync(int descriptor) { return delayed("fdatasync", descriptor); }
