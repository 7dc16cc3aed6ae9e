/* Where the server is, and how a request to it begins. */
#ifndef SORGENTE_BENCH_TARGET_H
#define SORGENTE_BENCH_TARGET_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUEST_MAX = 512 };

/* 127.0.0.1 at this port. */
struct sockaddr_in target_address(uint16_t port);

/* Puts `bench<channel>` for {channel} and `track` for {track}: `METHOD path HTTP/1.1`, Host,
 * User-Agent, then `more` (header lines, each with CRLF) and the empty line. Gives the length. */
size_t target_request(char request[REQUEST_MAX], const char *method, const char *path,
                      uint32_t channel, const char *track, uint16_t port, const char *more);

#endif
