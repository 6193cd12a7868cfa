#ifndef SNAKE_SIZES_H
#define SNAKE_SIZES_H

/* What the kernels of snake.cu are told beside pointers. */
struct snake_sizes {
  long long size, channels, plane; /* elements of x, its second dimension, and behind that */
  float alpha;                     /* of all channels, where they have none of their own */
};

#endif
