// What a program does to the files under one folder, written down as it happens; and faults on request.
//
// Loaded by LD_PRELOAD. Under MANDATE_POWER_ROOT, every change of a file or of a name, and every fsync that succeeded or
// failed, becomes one record in MANDATE_POWER_TRACE, in the order in which the kernel did it. Who reads the trace can
// tell what was on disk at any moment, and what was only promised. Lock files and SQLite's shared-memory files are left
// out: nothing of them has to survive.
//
// MANDATE_POWER_FAULT breaks calls, counted from 1: "sync 5" fails the fifth fsync with EIO, "write 5" the fifth write;
// "full 5 3" fails writes five to seven with ENOSPC; "short 5 3" lets half of write five through and fails the next three.
// MANDATE_POWER_DISK changes what a sync is worth: "lie" acknowledges all and does none; "normal" syncs a write-ahead log
// only when something else is about to be written, as SQLite does under synchronous=NORMAL.
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 4096

enum kind { NONE, OTHER, WAL, FOLDER };
enum fault { NO_FAULT, SYNC_EIO, WRITE_EIO, WRITE_FULL, WRITE_SHORT };
enum disk { HONEST, LYING, NORMAL };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char root[PATH_MAX];
static size_t root_bytes;
static int trace = -1;
static enum fault fault;
static enum disk disk;
static long fault_at, fault_calls, syncs, writes;
static unsigned char kinds[FILES_MAX];
static uint64_t unsynced_wal;

static void begin(void) {
    const char *where = getenv("MANDATE_POWER_ROOT"), *path = getenv("MANDATE_POWER_TRACE");
    if (!where || !path || !realpath(where, root)) return;
    root_bytes = strlen(root);
    trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (trace < 0) abort();
    const char *broken = getenv("MANDATE_POWER_FAULT"), *worth = getenv("MANDATE_POWER_DISK");
    char word[16] = "";
    if (broken && sscanf(broken, "%15s %ld %ld", word, &fault_at, &fault_calls) >= 2) {
        fault = !strcmp(word, "sync") ? SYNC_EIO : !strcmp(word, "write") ? WRITE_EIO
              : !strcmp(word, "full") ? WRITE_FULL : !strcmp(word, "short") ? WRITE_SHORT : NO_FAULT;
        if (fault == NO_FAULT) abort();
    }
    disk = !worth ? HONEST : !strcmp(worth, "lie") ? LYING : !strcmp(worth, "normal") ? NORMAL : HONEST;
}

static int watching(void) {
    pthread_once(&once, begin);
    return trace >= 0;
}

// One record: what, two numbers, and bytes. A fault that was given out is one as well.
static void record(char what, uint64_t a, uint64_t b, const void *bytes, size_t length) {
    struct __attribute__((packed)) { char what; uint64_t a, b; uint32_t length; } head = {what, a, b, (uint32_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)bytes, length}};
    if (syscall(SYS_writev, trace, parts, 2) != (long)(sizeof head + length)) abort();
}

static int ends_in(const char *path, const char *end) {
    size_t all = strlen(path), tail = strlen(end);
    return all >= tail && !strcmp(path + all - tail, end);
}

// What is to be written down of a path below the root.
static enum kind kind_of(const char *path) {
    if (strncmp(path, root, root_bytes) || (path[root_bytes] && path[root_bytes] != '/')) return NONE;
    if (ends_in(path, "-shm") || ends_in(path, ".lock")) return NONE;
    return ends_in(path, "-wal") ? WAL : OTHER;
}

// The whole path of a name, whose folder exists; the name itself is not followed.
static int whole(int folder, const char *name, char *out) {
    char at[PATH_MAX], parent[PATH_MAX], link[64];
    if (name[0] != '/') {
        if (folder == AT_FDCWD) {
            if (!getcwd(at, sizeof at)) return 0;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, at, sizeof at - 1);
            if (length < 0) return 0;
            at[length] = 0;
        }
        if ((size_t)snprintf(parent, sizeof parent, "%s/%s", at, name) >= sizeof parent) return 0;
    } else if ((size_t)snprintf(parent, sizeof parent, "%s", name) >= sizeof parent) {
        return 0;
    }
    char *slash = strrchr(parent, '/');
    if (!slash) return 0;
    char leaf[NAME_MAX + 1];
    snprintf(leaf, sizeof leaf, "%s", slash + 1);
    *slash = 0;
    char resolved[PATH_MAX];
    if (!realpath(*parent ? parent : "/", resolved)) return 0;
    return (size_t)snprintf(out, PATH_MAX, "%s/%s", resolved, leaf) < PATH_MAX;
}

static uint64_t inode(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static enum kind of(int fd) {
    return fd >= 0 && fd < FILES_MAX ? (enum kind)kinds[fd] : NONE;
}

static int opened(int folder, const char *name, int flags, mode_t mode, int existed, const char *path) {
    int fd = (int)syscall(SYS_openat, folder, name, flags, mode);
    if (fd < 0 || fd >= FILES_MAX) return fd;
    struct stat found;
    kinds[fd] = NONE;
    if (fstat(fd, &found) || kind_of(path) == NONE) return fd;
    kinds[fd] = (unsigned char)(S_ISDIR(found.st_mode) ? FOLDER : kind_of(path));
    if ((flags & O_CREAT) && !existed) record('C', found.st_ino, 0, path, strlen(path));
    else if (flags & O_TRUNC) record('T', found.st_ino, 0, "", 0);
    return fd;
}

static int open_at(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX] = "";
    if (!watching() || !whole(folder, name, path)) return (int)syscall(SYS_openat, folder, name, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    int fd = opened(folder, name, flags, mode, existed, path), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define OPEN(name, folder, ...)                                                 \
    int name(__VA_ARGS__, const char *path, int flags, ...) {                   \
        va_list more;                                                           \
        va_start(more, flags);                                                  \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                           \
        return open_at(folder, path, flags, mode);                              \
    }
OPEN(openat, folder, int folder)
OPEN(openat64, folder, int folder)

#define OPEN_HERE(name)                                                         \
    int name(const char *path, int flags, ...) {                                \
        va_list more;                                                           \
        va_start(more, flags);                                                  \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                           \
        return open_at(AT_FDCWD, path, flags, mode);                            \
    }
OPEN_HERE(open)
OPEN_HERE(open64)

int close(int fd) {
    if (fd >= 0 && fd < FILES_MAX) kinds[fd] = NONE;
    return (int)syscall(SYS_close, fd);
}

// Under "normal", a log is synced before anything else is written.
static void sync_log_first(enum kind kind) {
    if (disk == NORMAL && kind != WAL && unsynced_wal) {
        record('S', unsynced_wal, 0, "", 0);
        unsynced_wal = 0;
    }
}

// How much of a write goes through: all of it, half, or none with errno set.
static ssize_t let_through(size_t length) {
    long nth = ++writes, in_turn = nth >= fault_at && nth < fault_at + fault_calls;
    int error = 0;
    if (fault == WRITE_EIO && nth == fault_at) error = EIO;
    if (fault == WRITE_FULL && in_turn) error = ENOSPC;
    if (fault == WRITE_SHORT && nth == fault_at && length > 1) return (ssize_t)(length / 2);
    if (fault == WRITE_SHORT && nth > fault_at && nth <= fault_at + fault_calls) error = ENOSPC;
    if (!error) return (ssize_t)length;
    record('F', (uint64_t)nth, 0, "", 0);
    errno = error;
    return -1;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset, int moves) {
    enum kind kind = watching() ? of(fd) : NONE;
    if (kind == NONE) {
        return moves ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, offset);
    }
    pthread_mutex_lock(&lock);
    if (moves) offset = lseek(fd, 0, SEEK_CUR);
    sync_log_first(kind);
    ssize_t done = let_through(length);
    if (done > 0) {
        done = moves ? syscall(SYS_write, fd, bytes, (size_t)done) : syscall(SYS_pwrite64, fd, bytes, (size_t)done, offset);
        if (done > 0) record('W', inode(fd), (uint64_t)offset, bytes, (size_t)done);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset, 0); }

static int sync_it(int fd, long call) {
    enum kind kind = watching() ? of(fd) : NONE;
    if (kind == NONE) return (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    int done = 0, error = errno;
    if (fault == SYNC_EIO && ++syncs == fault_at) {
        record('E', inode(fd), 0, "", 0);
        done = -1;
        error = EIO;
    } else if (disk == NORMAL && kind == WAL) {
        unsynced_wal = inode(fd);
    } else if (disk != LYING) {
        record('S', inode(fd), 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int fsync(int fd) { return sync_it(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_it(fd, SYS_fdatasync); }

static int truncate_it(int fd, off_t length) {
    if (!watching() || of(fd) == NONE) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    sync_log_first(of(fd));
    int done = (int)syscall(SYS_ftruncate, fd, length), error = errno;
    if (!done) record('T', inode(fd), (uint64_t)length, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int ftruncate(int fd, off_t length) { return truncate_it(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_it(fd, length); }

// A change of one name: written down if it worked and lies below the root.
static int named(char what, int folder, const char *name, long done) {
    char path[PATH_MAX];
    int error = errno;
    if (done == 0 && whole(folder, name, path) && kind_of(path) != NONE) {
        struct stat found = {0};
        if (what == 'M') lstat(path, &found);
        record(what, found.st_ino, 0, path, strlen(path));
    }
    errno = error;
    return (int)done;
}

// A change of two names.
static int renamed(char what, const char *from, const char *to, long done) {
    char both[2 * PATH_MAX], path[PATH_MAX];
    int error = errno;
    if (done == 0 && whole(AT_FDCWD, from, path) && kind_of(path) != NONE) {
        size_t length = strlen(path) + 1;
        memcpy(both, path, length);
        if (whole(AT_FDCWD, to, path)) {
            memcpy(both + length, path, strlen(path));
            record(what, 0, 0, both, length + strlen(path));
        }
    }
    errno = error;
    return (int)done;
}

#define LOCKED(call)                    \
    ({                                  \
        int watched = watching();       \
        if (watched) pthread_mutex_lock(&lock); \
        int done = watched ? (call) : 0; \
        int error = errno;              \
        if (watched) pthread_mutex_unlock(&lock); \
        errno = error;                  \
        done;                           \
    })

int mkdir(const char *path, mode_t mode) {
    if (!watching()) return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    return LOCKED(named('M', AT_FDCWD, path, syscall(SYS_mkdirat, AT_FDCWD, path, mode)));
}

int unlinkat(int folder, const char *path, int flags) {
    if (!watching()) return (int)syscall(SYS_unlinkat, folder, path, flags);
    return LOCKED(named('D', folder, path, syscall(SYS_unlinkat, folder, path, flags)));
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int link(const char *from, const char *to) {
    if (!watching()) return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    return LOCKED(renamed('L', from, to, syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0)));
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    if (from_folder != AT_FDCWD || to_folder != AT_FDCWD) return errno = ENOSYS, -1;
    if (!watching()) return (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
    return LOCKED(renamed('L', from, to, syscall(SYS_linkat, from_folder, from, to_folder, to, flags)));
}

int rename(const char *from, const char *to) {
    if (!watching()) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    return LOCKED(renamed('R', from, to, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0)));
}
