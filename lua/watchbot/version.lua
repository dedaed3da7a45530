--- version: the number of this release; src/version.h says the same, and a spec compares them.
return "0.1.0"
