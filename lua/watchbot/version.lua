--- version: the version of this release, the only copy: the Makefile generates version.h from it.
return "0.1.0"
