--- version: the number of this release, as src/version.h has it.
return "0.1.0"
