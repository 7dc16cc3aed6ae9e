#include "target.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

struct sockaddr_in target_address(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* Puts `text` for the first `place` in `path`, if there is one. */
static void fill_in(char path[REQUEST_MAX], const char *place, const char *text)
{
    char after[REQUEST_MAX];
    char *found = strstr(path, place);
    if (found == NULL)
        return;
    strcpy(after, found + strlen(place));
    int room = (int)(path + REQUEST_MAX - found);
    if (snprintf(found, (size_t)room, "%s%s", text, after) >= room)
        fail_because(path, "too long a path");
}

size_t target_request(char request[REQUEST_MAX], const char *method, const char *path,
                      uint32_t channel, const char *track, uint16_t port, const char *more)
{
    char filled[REQUEST_MAX], name[24];
    if (strlen(path) >= sizeof filled)
        fail_because(path, "too long a path");
    strcpy(filled, path);
    snprintf(name, sizeof name, "bench%u", channel);
    fill_in(filled, "{channel}", name);
    fill_in(filled, "{track}", track);
    int length = snprintf(request, REQUEST_MAX,
                          "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                          "User-Agent: sorgente-load\r\n%s\r\n",
                          method, filled, port, more);
    if (length < 0 || length >= REQUEST_MAX)
        fail_because(path, "too long a path");
    return (size_t)length;
}
