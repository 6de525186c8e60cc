/* The one program of the stand-in for a distribution's base image: its /bin/sh, and what packages built on it run. Linked
   statically for both architectures. As a shell it knows single commands:

     report FILE     writes to FILE: the machine it runs on, $GREETING, and its network interfaces
     fail            ends with status 7

   Called by another name it prints its arguments and the machine. */

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const char *machine(void) {
  static struct utsname names;
  uname(&names);
  return names.machine;
}

static int report(const char *path) {
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    perror(path);
    return 1;
  }
  const char *greeting = getenv("GREETING");
  fprintf(file, "machine %s\ngreeting %s\ninterfaces", machine(), greeting != NULL ? greeting : "none");
  struct if_nameindex *interfaces = if_nameindex();
  for (struct if_nameindex *one = interfaces; one != NULL && one->if_index != 0; ++one) fprintf(file, " %s", one->if_name);
  fprintf(file, "\n");
  return fclose(file);
}

int main(int argc, char **argv) {
  const char *name = strrchr(argv[0], '/');
  name = name != NULL ? name + 1 : argv[0];
  if (strcmp(name, "sh") == 0 && argc == 3) {
    if (strncmp(argv[2], "report ", 7) == 0) return report(argv[2] + 7);
    if (strcmp(argv[2], "fail") == 0) {
      fprintf(stderr, "failing as told\n");
      return 7;
    }
    fprintf(stderr, "unknown command '%s'\n", argv[2]);
    return 127;
  }
  for (int i = 1; i < argc; ++i) printf("%s ", argv[i]);
  printf("on %s\n", machine());
  return 0;
}
