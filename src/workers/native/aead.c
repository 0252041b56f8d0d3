/*
 * AES-256-GCM and ChaCha20-Poly1305 (SPEC §1) in place, over the OpenSSL that node itself exports.
 *
 *   seal(suite, key[32], nonce[12], aad[0..64], data, tag[16])  encrypts data where it stands and fills tag
 *   open(suite, key[32], nonce[12], aad[0..64], data, tag[16])  decrypts data where it stands; false, and data is zeroed,
 *                                                               when it does not verify
 *
 * All arguments but suite (1 or 2) are Uint8Array and borrowed for the call; misuse is a TypeError and changes nothing. Nobody
 * else may write to data during a call: in shared memory that is for the caller to see to. No key outlives its call.
 */
#define NAPI_VERSION 8
#include <limits.h>
#include <node_api.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16, MAX_AAD_BYTES = 64 };
enum { SUITES = 2 };
enum { SUITE, KEY, NONCE, AAD, DATA, TAG, ARGUMENTS };

static const char *const CIPHERS[SUITES] = {"AES-256-GCM", "ChaCha20-Poly1305"};

/* What one environment (the main thread, or a worker) has: fetched and allocated once, because both cost more than a small chunk. */
typedef struct {
  EVP_CIPHER_CTX *context;
  EVP_CIPHER *ciphers[SUITES];
} state;

typedef struct {
  uint8_t *bytes;
  size_t size;
} span;

/* Spans stand at the places of their arguments; that of SUITE is empty. */
typedef struct {
  const EVP_CIPHER *cipher;
  span spans[ARGUMENTS];
} request;

typedef struct {
  size_t least;
  size_t most;
  const char *misuse;
} rule;

static const rule RULES[ARGUMENTS] = {
    [KEY] = {KEY_BYTES, KEY_BYTES, "key must be a Uint8Array of 32 bytes"},
    [NONCE] = {NONCE_BYTES, NONCE_BYTES, "nonce must be a Uint8Array of 12 bytes"},
    [AAD] = {0, MAX_AAD_BYTES, "aad must be a Uint8Array of at most 64 bytes"},
    [DATA] = {0, INT_MAX, "data must be a Uint8Array of at most 2^31 - 1 bytes"},
    [TAG] = {TAG_BYTES, TAG_BYTES, "tag must be a Uint8Array of 16 bytes"},
};

/* False for anything but a Uint8Array, and for one whose buffer is detached. */
static bool read_span(napi_env env, napi_value value, span *out) {
  /* of a kind it does not know, napi_get_typedarray_info leaves the type as it was */
  napi_typedarray_type type = napi_int8_array;
  napi_value buffer = NULL;
  void *bytes = NULL;
  size_t size = 0;
  if (napi_get_typedarray_info(env, value, &type, &size, &bytes, &buffer, NULL) != napi_ok) return false;
  if (type != napi_uint8_array) return false;
  if (size == 0) {
    bool detached = true;
    if (napi_is_detached_arraybuffer(env, buffer, &detached) != napi_ok || detached) return false;
  }
  *out = (span){size == 0 ? NULL : bytes, size};
  return true;
}

static bool overlap(span a, span b) {
  uintptr_t a_start = (uintptr_t)a.bytes, b_start = (uintptr_t)b.bytes;
  return a.size > 0 && b.size > 0 && a_start < b_start + b.size && b_start < a_start + a.size;
}

/* What is wrong with the arguments; NULL for nothing, and the request is filled. */
static const char *read_request(napi_env env, const state *own, const napi_value *values, request *out) {
  double suite = 0;
  if (napi_get_value_double(env, values[SUITE], &suite) != napi_ok || (suite != 1 && suite != 2))
    return "suite must be 1 (AES-256-GCM) or 2 (ChaCha20-Poly1305)";
  out->cipher = own->ciphers[suite == 1 ? 0 : 1];
  out->spans[SUITE] = (span){NULL, 0};
  for (int i = KEY; i < ARGUMENTS; i++) {
    span *each = &out->spans[i];
    if (!read_span(env, values[i], each) || each->size < RULES[i].least || each->size > RULES[i].most)
      return RULES[i].misuse;
  }
  for (int i = KEY; i < ARGUMENTS; i++) {
    if (i != DATA && overlap(out->spans[i], out->spans[DATA])) return "data must not overlap another argument";
    if (i != TAG && overlap(out->spans[i], out->spans[TAG])) return "tag must not overlap another argument";
  }
  return NULL;
}

static bool seal_in_place(EVP_CIPHER_CTX *context, const request *in) {
  const span *spans = in->spans;
  uint8_t none[EVP_MAX_BLOCK_LENGTH];
  int written = 0;
  return EVP_EncryptInit_ex2(context, in->cipher, spans[KEY].bytes, spans[NONCE].bytes, NULL) == 1 &&
         (spans[AAD].size == 0 ||
          EVP_EncryptUpdate(context, NULL, &written, spans[AAD].bytes, (int)spans[AAD].size) == 1) &&
         (spans[DATA].size == 0 ||
          EVP_EncryptUpdate(context, spans[DATA].bytes, &written, spans[DATA].bytes, (int)spans[DATA].size) == 1) &&
         EVP_EncryptFinal_ex(context, none, &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, spans[TAG].bytes) == 1;
}

/* False when the tag does not fit, and for a fault of OpenSSL alike: either way nothing has verified. */
static bool open_in_place(EVP_CIPHER_CTX *context, const request *in) {
  const span *spans = in->spans;
  uint8_t none[EVP_MAX_BLOCK_LENGTH];
  int written = 0;
  return EVP_DecryptInit_ex2(context, in->cipher, spans[KEY].bytes, spans[NONCE].bytes, NULL) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, spans[TAG].bytes) == 1 &&
         (spans[AAD].size == 0 ||
          EVP_DecryptUpdate(context, NULL, &written, spans[AAD].bytes, (int)spans[AAD].size) == 1) &&
         (spans[DATA].size == 0 ||
          EVP_DecryptUpdate(context, spans[DATA].bytes, &written, spans[DATA].bytes, (int)spans[DATA].size) == 1) &&
         EVP_DecryptFinal_ex(context, none, &written) == 1;
}

typedef bool (*operation)(EVP_CIPHER_CTX *context, const request *in);

/* Runs an operation on the arguments of a call; false, with an exception pending, for misuse. */
static bool run(napi_env env, napi_callback_info info, operation operate, bool *done) {
  napi_value values[ARGUMENTS];
  size_t count = ARGUMENTS;
  state *own = NULL;
  request in;
  /* arguments that are missing come as undefined, which no rule allows */
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return false;
  if (napi_get_instance_data(env, (void **)&own) != napi_ok || own == NULL) return false;
  const char *misuse = read_request(env, own, values, &in);
  if (misuse != NULL) {
    napi_throw_type_error(env, NULL, misuse);
    return false;
  }
  *done = operate(own->context, &in);
  /* frees and wipes the expanded key */
  EVP_CIPHER_CTX_reset(own->context);
  if (!*done) {
    if (in.spans[DATA].size > 0) OPENSSL_cleanse(in.spans[DATA].bytes, in.spans[DATA].size);
    /* node reads this thread's queue too */
    ERR_clear_error();
  }
  return true;
}

static napi_value seal_call(napi_env env, napi_callback_info info) {
  bool done = false;
  if (run(env, info, seal_in_place, &done) && !done) napi_throw_error(env, NULL, "OpenSSL failed to encrypt");
  return NULL;
}

static napi_value open_call(napi_env env, napi_callback_info info) {
  bool done = false;
  napi_value result = NULL;
  if (run(env, info, open_in_place, &done)) napi_get_boolean(env, done, &result);
  return result;
}

static void release(napi_env env, void *data, void *hint) {
  state *own = data;
  (void)env;
  (void)hint;
  EVP_CIPHER_CTX_free(own->context);
  for (int i = 0; i < SUITES; i++) EVP_CIPHER_free(own->ciphers[i]);
  free(own);
}

static state *create(void) {
  state *own = calloc(1, sizeof *own);
  if (own == NULL) return NULL;
  own->context = EVP_CIPHER_CTX_new();
  bool complete = own->context != NULL;
  for (int i = 0; i < SUITES; i++) {
    own->ciphers[i] = EVP_CIPHER_fetch(NULL, CIPHERS[i], NULL);
    complete = complete && own->ciphers[i] != NULL;
  }
  if (complete) return own;
  release(NULL, own, NULL);
  ERR_clear_error();
  return NULL;
}

/* pipe.c */
napi_value widen_pipe(napi_env env, napi_callback_info info);

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  const napi_property_descriptor functions[] = {
      {"seal", NULL, seal_call, NULL, NULL, NULL, napi_enumerable, NULL},
      {"open", NULL, open_call, NULL, NULL, NULL, napi_enumerable, NULL},
      {"widenPipe", NULL, widen_pipe, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  /* the headers' OpenSSL and node's must be of one major version: below that the interface is stable */
  state *own = OPENSSL_version_major() == OPENSSL_VERSION_MAJOR ? create() : NULL;
  if (own == NULL) {
    napi_throw_error(env, NULL, "this OpenSSL does not offer the suites of sft");
    return NULL;
  }
  if (napi_set_instance_data(env, own, release, NULL) != napi_ok) {
    release(NULL, own, NULL);
    return NULL;
  }
  if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) != napi_ok) return NULL;
  return exports;
}
