#!/bin/sh
# Does what its message says: "ok", or "fail".
[ "$Message" = ok ]
