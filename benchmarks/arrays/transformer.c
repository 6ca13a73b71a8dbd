/* A step of the transformer of workloads/transformer.py in plain C: forward and
 * back over one document after the other, and down. The weights lie one after the
 * other, in the order of SHAPES. */
#include <math.h>
#include <string.h>

enum { WIDTH = 16, HEADS = 4, SIZE = WIDTH / HEADS, MOST = 16, KINDS = 27, WIDE = 64 };

typedef struct {
  double tokens[KINDS][WIDTH], positions[MOST][WIDTH];
  double query[WIDTH][WIDTH], key[WIDTH][WIDTH], value[WIDTH][WIDTH];
  double out[WIDTH][WIDTH], up[WIDE][WIDTH], down[WIDTH][WIDE], head[KINDS][WIDTH];
} Weights;

/* What a place computes, and what comes back to it. */
typedef struct {
  double embedded[WIDTH], x[WIDTH], normed[WIDTH], q[WIDTH], k[WIDTH], v[WIDTH];
  double share[HEADS][MOST], mixed[WIDTH], y[WIDTH], read[WIDTH], hidden[WIDE];
  double last[WIDTH], p[KINDS], scale[3];
  double dx[WIDTH], dq[WIDTH], dk[WIDTH], dv[WIDTH];
} Place;

static void linear(const double *w, const double *x, double *out, int rows, int columns) {
  for (int i = 0; i < rows; i++) {
    double total = 0;
    for (int j = 0; j < columns; j++) total += w[i * columns + j] * x[j];
    out[i] = total;
  }
}

/* Adds to the slopes of the weights and of x. */
static void linear_back(const double *w, const double *x, const double *slope,
                        double *dw, double *dx, int rows, int columns) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      dw[i * columns + j] += slope[i] * x[j];
      dx[j] += slope[i] * w[i * columns + j];
    }
}

static double norm(const double *x, double *out) {
  double squares = 0;
  for (int j = 0; j < WIDTH; j++) squares += x[j] * x[j];
  double scale = 1 / sqrt(squares / WIDTH + 1e-5);
  for (int j = 0; j < WIDTH; j++) out[j] = x[j] * scale;
  return scale;
}

static void norm_back(const double *slope, const double *x, double scale, double *dx) {
  double along = 0;
  for (int j = 0; j < WIDTH; j++) along += slope[j] * x[j];
  along *= scale * scale / WIDTH;
  for (int j = 0; j < WIDTH; j++) dx[j] += scale * (slope[j] - x[j] * along);
}

static void softmax(double *z, int n) {
  double largest = z[0], total = 0;
  for (int i = 1; i < n; i++) largest = z[i] > largest ? z[i] : largest;
  for (int i = 0; i < n; i++) total += z[i] = exp(z[i] - largest);
  for (int i = 0; i < n; i++) z[i] /= total;
}

static void attend(Place *all, int at) {
  Place *p = &all[at];
  memset(p->mixed, 0, sizeof p->mixed);
  for (int h = 0; h < HEADS; h++) {
    double *share = p->share[h];
    for (int t = 0; t <= at; t++) {
      double total = 0;
      for (int j = h * SIZE; j < (h + 1) * SIZE; j++) total += p->q[j] * all[t].k[j];
      share[t] = total / sqrt(SIZE);
    }
    softmax(share, at + 1);
    for (int t = 0; t <= at; t++)
      for (int j = h * SIZE; j < (h + 1) * SIZE; j++) p->mixed[j] += share[t] * all[t].v[j];
  }
}

static void attend_back(Place *all, int at, const double *slope) {
  Place *p = &all[at];
  for (int h = 0; h < HEADS; h++) {
    double *share = p->share[h], back[MOST], mean = 0;
    for (int t = 0; t <= at; t++) {
      double total = 0;
      for (int j = h * SIZE; j < (h + 1) * SIZE; j++) {
        total += slope[j] * all[t].v[j];
        all[t].dv[j] += share[t] * slope[j];
      }
      back[t] = total;
      mean += total * share[t];
    }
    for (int t = 0; t <= at; t++) {
      double d = share[t] * (back[t] - mean) / sqrt(SIZE);
      for (int j = h * SIZE; j < (h + 1) * SIZE; j++) {
        p->dq[j] += d * all[t].k[j];
        all[t].dk[j] += d * p->q[j];
      }
    }
  }
}

static double forward(const Weights *w, const double *tokens, Place *all, int at) {
  Place *p = &all[at];
  for (int j = 0; j < WIDTH; j++)
    p->embedded[j] = w->tokens[(int)tokens[at]][j] + w->positions[at][j];
  p->scale[0] = norm(p->embedded, p->x);
  p->scale[1] = norm(p->x, p->normed);
  linear(w->query[0], p->normed, p->q, WIDTH, WIDTH);
  linear(w->key[0], p->normed, p->k, WIDTH, WIDTH);
  linear(w->value[0], p->normed, p->v, WIDTH, WIDTH);
  attend(all, at);
  linear(w->out[0], p->mixed, p->y, WIDTH, WIDTH);
  for (int j = 0; j < WIDTH; j++) p->y[j] += p->x[j];
  p->scale[2] = norm(p->y, p->read);
  linear(w->up[0], p->read, p->hidden, WIDE, WIDTH);
  for (int j = 0; j < WIDE; j++) p->hidden[j] = p->hidden[j] > 0 ? p->hidden[j] : 0;
  linear(w->down[0], p->hidden, p->last, WIDTH, WIDE);
  for (int j = 0; j < WIDTH; j++) p->last[j] += p->y[j];
  linear(w->head[0], p->last, p->p, KINDS, WIDTH);
  softmax(p->p, KINDS);
  return -log(p->p[(int)tokens[at + 1]]);
}

/* From the loss to q, k and v; the rest once all later places have added to k and v. */
static void back(const Weights *w, Weights *d, int after, Place *all, int at, double by) {
  Place *p = &all[at];
  double dp[KINDS], dlast[WIDTH] = {0}, dup[WIDE] = {0}, dread[WIDTH] = {0}, dmixed[WIDTH] = {0};
  for (int i = 0; i < KINDS; i++) dp[i] = (p->p[i] - (i == after)) * by;
  linear_back(w->head[0], p->last, dp, d->head[0], dlast, KINDS, WIDTH);
  linear_back(w->down[0], p->hidden, dlast, d->down[0], dup, WIDTH, WIDE);
  for (int j = 0; j < WIDE; j++) dup[j] = p->hidden[j] > 0 ? dup[j] : 0;
  linear_back(w->up[0], p->read, dup, d->up[0], dread, WIDE, WIDTH);
  norm_back(dread, p->y, p->scale[2], dlast);
  memcpy(p->dx, dlast, sizeof dlast);
  linear_back(w->out[0], p->mixed, dlast, d->out[0], dmixed, WIDTH, WIDTH);
  attend_back(all, at, dmixed);
}

static void back_to_tokens(const Weights *w, Weights *d, int token, Place *all, int at) {
  Place *p = &all[at];
  double dnormed[WIDTH] = {0}, dembedded[WIDTH] = {0};
  linear_back(w->query[0], p->normed, p->dq, d->query[0], dnormed, WIDTH, WIDTH);
  linear_back(w->key[0], p->normed, p->dk, d->key[0], dnormed, WIDTH, WIDTH);
  linear_back(w->value[0], p->normed, p->dv, d->value[0], dnormed, WIDTH, WIDTH);
  norm_back(dnormed, p->x, p->scale[1], p->dx);
  norm_back(p->dx, p->embedded, p->scale[0], dembedded);
  for (int j = 0; j < WIDTH; j++) {
    d->tokens[token][j] += dembedded[j];
    d->positions[at][j] += dembedded[j];
  }
}

/* The mean loss of the documents; the weights move against its gradient. */
double step(double *weights, const double *table, long documents, int places, double lr) {
  static Weights d;
  static Place all[MOST];
  const Weights *w = (const Weights *)weights;
  double total = 0, by = 1.0 / (documents * places);
  memset(&d, 0, sizeof d);
  for (long n = 0; n < documents; n++) {
    const double *tokens = table + n * (places + 1);
    memset(all, 0, places * sizeof *all);
    for (int at = 0; at < places; at++) total += forward(w, tokens, all, at);
    for (int at = places - 1; at >= 0; at--) {
      back(w, &d, (int)tokens[at + 1], all, at, by);
      back_to_tokens(w, &d, (int)tokens[at], all, at);
    }
  }
  const double *slope = (const double *)&d;
  for (unsigned long i = 0; i < sizeof d / sizeof *slope; i++) weights[i] -= lr * slope[i];
  return total * by;
}
