/* What a compiled program reaches on this machine: three loops over memory, and multiply-adds in
 * registers. Built and called by machine.py alone. */
#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#else
#define omp_get_thread_num() 0
#define omp_get_num_threads() 1
#endif

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX__)
#define WIDTH 32
#else
#define WIDTH 16
#endif
/* may_alias and aligned(8): the arrays start at multiples of 8 B, and hold plain numbers. */
typedef double doubles __attribute__((vector_size(WIDTH), aligned(8), may_alias));
typedef float floats __attribute__((vector_size(WIDTH)));
enum { DOUBLES = WIDTH / sizeof(double), FLOATS = WIDTH / sizeof(float), CHAINS = 12 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

int has_threads(void) {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

/* From where to where a thread works, at multiples of 64 numbers. */
static long cut(long n, int thread, int threads) {
    return thread == threads ? n : n / 64 * thread / threads * 64;
}
#define EACH_THREAD                                                                                \
    int thread = omp_get_thread_num(), count = omp_get_num_threads();                              \
    long low = cut(n, thread, count), high = cut(n, thread + 1, count);

double copy(double *c, const double *a, const double *b, long n, int threads) {
    double start = now();
    (void)b;
#pragma omp parallel num_threads(threads)
    {
        EACH_THREAD
        memcpy(c + low, a + low, (high - low) * sizeof(double));
    }
    return now() - start;
}

double add(double *restrict c, const double *restrict a, const double *restrict b, long n,
           int threads) {
    double start = now();
#pragma omp parallel num_threads(threads)
    {
        EACH_THREAD
        for (long i = low; i < high; i++)
            c[i] = a[i] + b[i];
    }
    return now() - start;
}

/* a . b in eight vectors of partial sums; the sum goes to c[0], so that it is computed. */
double read_both(double *c, const double *a, const double *b, long n, int threads) {
    double start = now(), total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    {
        EACH_THREAD
        doubles sums[8] = {{0}};
        long i = low;
        for (; i + 8 * DOUBLES <= high; i += 8 * DOUBLES)
#pragma GCC unroll 8
            for (int k = 0; k < 8; k++)
                sums[k] += *(const doubles *)(a + i + k * DOUBLES) *
                           *(const doubles *)(b + i + k * DOUBLES);
        for (; i < high; i++)
            total += a[i] * b[i];
        for (int k = 0; k < 8; k++)
            for (int j = 0; j < DOUBLES; j++)
                total += sums[k][j];
    }
    c[0] = total;
    return now() - start;
}

/* Twelve independent chains of multiply-adds in registers: seconds for all, flop in *flops. The
 * numbers come from the caller: a compiler that knows them may compute a chain in advance. */
double multiply_add(long times, int threads, float factor, float more, double *flops,
                    float *result) {
    double start = now(), total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    {
        floats x = {0}, y = {0}, chain[CHAINS];
        x += factor, y += more;
        for (int k = 0; k < CHAINS; k++)
            chain[k] = x + (float)k;
        for (long i = 0; i < times; i++) {
#pragma GCC unroll 12
            for (int k = 0; k < CHAINS; k++)
                chain[k] = chain[k] * x + y;
        }
        for (int k = 0; k < CHAINS; k++)
            for (int j = 0; j < FLOATS; j++)
                total += chain[k][j];
    }
    *result = (float)total;
    *flops = 2.0 * FLOATS * CHAINS * times * threads;
    return now() - start;
}
