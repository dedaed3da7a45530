--- version: the number of this release. It stands only here: the Makefile makes version.h of it.
return "0.1.0"
