#include "target.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

static const char PLACE[] = "{channel}";

struct sockaddr_in target_address(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

size_t target_request(char request[REQUEST_MAX], const char *method, const char *path,
                      uint32_t channel, uint16_t port, const char *more)
{
    const char *place = strstr(path, PLACE);
    int before = place != NULL ? (int)(place - path) : (int)strlen(path);
    const char *after = place != NULL ? place + sizeof PLACE - 1 : "";
    char name[24] = "";
    if (place != NULL)
        snprintf(name, sizeof name, "bench%u", channel);
    int length = snprintf(request, REQUEST_MAX,
                          "%s %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                          "User-Agent: sorgente-load\r\n%s\r\n",
                          method, before, path, name, after, port, more);
    if (length < 0 || length >= REQUEST_MAX)
        fail_because(path, "too long a path");
    return (size_t)length;
}
