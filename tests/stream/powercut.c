/* What a disk holds after a power cut: each file as it was at its last fsync.
 *
 * Preloaded into the writing process. Every fsync/fdatasync of a file in $POWERCUT_FOLDER copies its content, as it is
 * now, to $POWERCUT_DISK; the copies are what survives when the process is killed and the page cache is lost with it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep(int fd) {
    const char *folder = getenv("POWERCUT_FOLDER"), *disk = getenv("POWERCUT_DISK");
    char link[64], path[4096], part[4096], kept[4096], block[65536];
    if (!folder || !disk) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    size_t prefix = strlen(folder);
    if (strncmp(path, folder, prefix) || path[prefix] != '/') return;
    snprintf(part, sizeof part, "%s/.part", disk);
    snprintf(kept, sizeof kept, "%s/%s", disk, path + prefix + 1);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) return; /* a folder that was removed meanwhile */
    int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t got;
    while (to >= 0 && (got = read(from, block, sizeof block)) > 0)
        if (write(to, block, got) != got) abort();
    close(from);
    if (to >= 0 && (close(to) || rename(part, kept))) abort();
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    int result = real(fd);
    if (result == 0) keep(fd);
    return result;
}

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    int result = real(fd);
    if (result == 0) keep(fd);
    return result;
}
