/*
 * The capacity of a pipe, which Node has no call for.
 *
 *   widenPipe(fd, bytes)  asks for a capacity of at least `bytes`; the capacity there is then, or -1 where fd is no pipe or the
 *                         system does not tell
 *
 * A pipe of Linux holds 64 KiB unless it is asked to hold more: both its ends are then woken for every 64 KiB, and neither can work while
 * the other does. Never takes room away, and a refusal (a limit of the user) is no error.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <fcntl.h>
#include <node_api.h>
#include <stdint.h>

napi_value widen_pipe(napi_env env, napi_callback_info info);

static int32_t widen(int32_t fd, int32_t bytes) {
#ifdef F_SETPIPE_SZ
  const int capacity = fcntl(fd, F_GETPIPE_SZ);
  if (capacity < 0 || capacity >= bytes) return capacity;
  const int widened = fcntl(fd, F_SETPIPE_SZ, bytes);
  return widened < 0 ? capacity : widened;
#else
  (void)fd;
  (void)bytes;
  return -1;
#endif
}

napi_value widen_pipe(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  int32_t fd = -1;
  int32_t bytes = 0;
  napi_value result = NULL;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok) return NULL;
  if (count < 2 || napi_get_value_int32(env, arguments[0], &fd) != napi_ok ||
      napi_get_value_int32(env, arguments[1], &bytes) != napi_ok) {
    napi_throw_type_error(env, NULL, "widenPipe takes a descriptor and a number of bytes");
    return NULL;
  }
  napi_create_int32(env, widen(fd, bytes), &result);
  return result;
}
