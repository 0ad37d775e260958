/*
 * Writes down, in order, everything a process does to the files under one folder, and has chosen calls fail.
 *
 * Loaded with LD_PRELOAD into a child of the power suite. It keeps no table: each call asks the kernel which file it is
 * about. One lock is held over a call and its record, so the order of the records is the order of the calls. fsync
 * reaches no disk here: nothing loses power in truth, and what a sync is worth is the reader's to decide.
 *
 * MANDATE_POWER_ROOT   the folder, without symlinks
 * MANDATE_POWER_TRACE  the file the records are appended to
 * MANDATE_POWER_FAULT  "<sync|write|size|name> <first> <count> <errno> <part>": calls of that kind from the first-th
 *                      on, so many of them, fail; with part = 1 the first writes half of its bytes before
 *
 * A record is kind, file, offset and length in 8 bytes each, in the machine's order, and then length bytes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_len;
static int trace = -1;
static char fault_kind[16];
static long fault_first, fault_count, fault_errno, fault_part, fault_seen;

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("MANDATE_POWER_ROOT"), *file = getenv("MANDATE_POWER_TRACE");
    const char *fault = getenv("MANDATE_POWER_FAULT");
    if (!folder || !file) return;
    root_len = (size_t)snprintf(root, sizeof root, "%s", folder);
    trace = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0) abort();
    if (fault && sscanf(fault, "%15s %ld %ld %ld %ld", fault_kind, &fault_first, &fault_count, &fault_errno,
                        &fault_part) != 5)
        abort();
}

static void record(char kind, uint64_t file, uint64_t offset, const void *bytes, size_t length) {
    uint64_t head[4] = {(uint64_t)kind, file, offset, length};
    struct iovec parts[2] = {{head, sizeof head}, {(void *)bytes, length}};
    if (syscall(SYS_writev, trace, parts, 2) != (long)(sizeof head + length)) abort();
}

/* 0, or the errno this call is to fail with; *nth is which of the failing calls it is. */
static long fails(const char *kind, long *nth) {
    if (strcmp(kind, fault_kind) != 0) return 0;
    *nth = ++fault_seen - fault_first;
    return *nth >= 0 && *nth < fault_count ? fault_errno : 0;
}

/* The path below the folder; NULL for what is elsewhere, and for SQLite's shared memory, which is made anew. */
static const char *below(const char *path) {
    if (trace < 0 || strncmp(path, root, root_len) != 0) return NULL;
    const char *rest = path + root_len;
    size_t length = strlen(rest);
    if (*rest != 0 && *rest != '/') return NULL;
    if (length >= 4 && strcmp(rest + length - 4, "-shm") == 0) return NULL;
    return *rest == '/' ? rest + 1 : rest;
}

static int path_of(int fd, char out[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
    if (length < 0) return -1;
    out[length] = 0;
    return 0;
}

static const char *named(int dir, const char *path, char out[PATH_MAX * 2]) {
    char base[PATH_MAX];
    if (trace < 0) return NULL;
    if (path[0] == '/') return below(path);
    if (dir == AT_FDCWD) {
        if (syscall(SYS_getcwd, base, sizeof base) < 0) return NULL;
    } else if (path_of(dir, base) < 0) {
        return NULL;
    }
    snprintf(out, PATH_MAX * 2, "%s/%s", base, path);
    return below(out);
}

/* The file's number if the descriptor is a file of the folder, else 0. */
static uint64_t file_of(int fd) {
    char path[PATH_MAX];
    struct stat status;
    int saved = errno;
    uint64_t file = 0;
    if (trace >= 0 && path_of(fd, path) == 0 && below(path) && fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        file = status.st_ino;
    errno = saved;
    return file;
}

static long failed(long error) {
    errno = (int)error;
    return -1;
}

static int open_at(int dir, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX * 2];
    const char *name = flags & (O_CREAT | O_TRUNC) ? named(dir, path, whole) : NULL;
    if (!name) return (int)syscall(SYS_openat, dir, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat status;
    int was_there = fstatat(dir, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
    if (fd >= 0 && fstat(fd, &status) == 0) {
        if (!was_there) record('C', status.st_ino, 0, name, strlen(name));
        else if (flags & O_TRUNC) record('T', status.st_ino, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE(flags, mode)                                 \
    mode_t mode = 0;                                      \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        mode = va_arg(rest, mode_t);                      \
        va_end(rest);                                     \
    }

int open(const char *path, int flags, ...) { MODE(flags, mode) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...) { MODE(flags, mode) return open_at(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...) { MODE(flags, mode) return open_at(dir, path, flags, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

/* A write at the descriptor's own place if at < 0. */
static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at) {
    uint64_t file = file_of(fd);
    if (!file) return syscall(at < 0 ? SYS_write : SYS_pwrite64, fd, bytes, length, at);
    pthread_mutex_lock(&lock);
    long nth = 0, error = fails("write", &nth);
    ssize_t written;
    if (error && !(fault_part && nth == 0 && length > 1)) {
        written = failed(error);
    } else {
        size_t most = error ? length / 2 : length;
        off_t place = at >= 0 ? at : lseek(fd, 0, SEEK_CUR);
        if (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND) place = lseek(fd, 0, SEEK_END);
        written = syscall(at < 0 ? SYS_write : SYS_pwrite64, fd, bytes, most, at);
        if (written > 0) record('W', file, (uint64_t)place, bytes, (size_t)written);
    }
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return write_at(fd, bytes, length, at); }

/* A short write is allowed, so only the first part of a file's vector is written; others go through whole. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!file_of(fd)) return syscall(SYS_writev, fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write_at(fd, parts[i].iov_base, parts[i].iov_len, -1);
    return 0;
}

/* Nothing the wallet is made of writes its files in these ways; one that begins to must be taught here first. */
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    if (file_of(fd)) abort();
    return syscall(SYS_pwritev, fd, parts, count, at, 0);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t at) {
    if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && file_of(fd)) abort();
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, at);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t at) {
    return mmap(address, length, protection, flags, fd, at);
}

int ftruncate(int fd, off_t size) {
    uint64_t file = file_of(fd);
    if (!file) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    long nth = 0, error = fails("size", &nth);
    int result = (int)(error ? failed(error) : syscall(SYS_ftruncate, fd, size));
    if (result == 0) record('T', file, (uint64_t)size, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int fallocate(int fd, int mode, off_t at, off_t length) {
    if (file_of(fd)) return (int)failed(EOPNOTSUPP);
    return (int)syscall(SYS_fallocate, fd, mode, at, length);
}
int fallocate64(int fd, int mode, off64_t at, off64_t length) { return fallocate(fd, mode, at, length); }
int posix_fallocate(int fd, off_t at, off_t length) { return fallocate(fd, 0, at, length) == 0 ? 0 : errno; }
int posix_fallocate64(int fd, off64_t at, off64_t length) { return posix_fallocate(fd, at, length); }

static int sync_of(int fd, long call) {
    char path[PATH_MAX];
    struct stat status;
    const char *name = trace >= 0 && path_of(fd, path) == 0 ? below(path) : NULL;
    if (!name || fstat(fd, &status) != 0) return (int)syscall(call, fd);
    int is_folder = S_ISDIR(status.st_mode);
    pthread_mutex_lock(&lock);
    long nth = 0, error = fails("sync", &nth);
    if (is_folder) record(error ? 'y' : 'Y', 0, 0, name, strlen(name));
    else record(error ? 's' : 'S', status.st_ino, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return (int)(error ? failed(error) : 0);
}
int fsync(int fd) { return sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync); }

/* A change of one name, or of two. */
static int rename_to(char kind, long call, int from_dir, const char *from, int to_dir, const char *to, int flags) {
    char first[PATH_MAX * 2], second[PATH_MAX * 2], both[PATH_MAX * 4];
    const char *a = named(from_dir, from, first), *b = to ? named(to_dir, to, second) : NULL;
    long given[5] = {from_dir, (long)from, to_dir, (long)to, flags};
    if (!to) given[2] = flags;
    if (!a && !b) return (int)syscall(call, given[0], given[1], given[2], given[3], given[4]);
    pthread_mutex_lock(&lock);
    long nth = 0, error = fails("name", &nth);
    int result = (int)(error ? failed(error) : syscall(call, given[0], given[1], given[2], given[3], given[4]));
    int length = snprintf(both, sizeof both, b ? "%s\n%s" : "%s", a ? a : "", b);
    if (result == 0) record(kind, 0, 0, both, (size_t)length);
    pthread_mutex_unlock(&lock);
    return result;
}
int rename(const char *a, const char *b) { return rename_to('R', SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0); }
int renameat(int d, const char *a, int e, const char *b) { return rename_to('R', SYS_renameat2, d, a, e, b, 0); }
int renameat2(int d, const char *a, int e, const char *b, unsigned flags) {
    return rename_to('R', SYS_renameat2, d, a, e, b, (int)flags);
}
int link(const char *a, const char *b) { return rename_to('L', SYS_linkat, AT_FDCWD, a, AT_FDCWD, b, 0); }
int linkat(int d, const char *a, int e, const char *b, int flags) {
    return rename_to('L', SYS_linkat, d, a, e, b, flags);
}
int unlink(const char *path) { return rename_to('U', SYS_unlinkat, AT_FDCWD, path, 0, NULL, 0); }
int unlinkat(int dir, const char *path, int flags) { return rename_to('U', SYS_unlinkat, dir, path, 0, NULL, flags); }
int rmdir(const char *path) { return rename_to('U', SYS_unlinkat, AT_FDCWD, path, 0, NULL, AT_REMOVEDIR); }
int mkdir(const char *path, mode_t mode) { return rename_to('D', SYS_mkdirat, AT_FDCWD, path, 0, NULL, (int)mode); }
int mkdirat(int dir, const char *path, mode_t mode) { return rename_to('D', SYS_mkdirat, dir, path, 0, NULL, (int)mode); }
