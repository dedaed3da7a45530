-- Whether what `send` has answered is on the disk: the calls of fsync and fdatasync are counted by
-- a library in front of the C library. A power cut itself cannot be tested here.

local workshop = require "support.workshop"

local COUNTER = [[
#define _GNU_SOURCE
#include <dlfcn.h>
static int count;
int fsync(int fd) { count++; return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { count++; return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
#include <stdio.h>
#include <stdlib.h>
static void report(void) {
  FILE *file = fopen(getenv("SYNCS"), "w");
  if (file) { fprintf(file, "%d", count); fclose(file); }
}
__attribute__((constructor)) static void begin(void) { atexit(report); }
]]

-- How often the disk is waited for while a script runs.
local function syncs(folder, script)
  folder:write("script.lua", ([[
    local scheduler, queues = require "watchbot.scheduler", require "watchbot.queue"
    scheduler.run(function()
      local queue = assert(queues.open(arg[1]))
      %s
    end)
    os.exit(0, false)]]):format(script))
  assert(os.execute(("SYNCS='%s' LD_PRELOAD='%s' LUA_PATH='%s' LUA_CPATH='%s' %s '%s' '%s'"):format(
    folder:file "syncs", folder:file "counter.so", package.path, package.cpath, arg[-1],
    folder:file "script.lua",
    folder:url())))
  local file <close> = assert(io.open(folder:file "syncs"))
  return assert(file:read "n")
end

describe("the embedded queue", function()
  -- With synchronous=NORMAL a commit is not synced: a power cut takes messages that were
  -- acknowledged.
  it("has synced a message when send returns, one commit at a time", workshop.task(function(folder)
    if os.getenv "SANITIZE" then return pending "two libraries in front of the C library" end
    folder:write("counter.c", COUNTER)
    local compiler = os.getenv "CC" or "cc"
    if not os.execute(("%s -shared -fPIC -o '%s' '%s' -ldl 2>/dev/null"):format(compiler,
    folder:file "counter.so",
      folder:file "counter.c")) then
      return pending "no C compiler"
    end
    syncs(folder, "")
    local before = syncs(folder, "")
    local many = syncs(folder, [[for _ = 1, 20 do assert(queue:send { { body = "x" } }) end]])
    assert.is_true(many - before >= 20, ("%d syncs of 20 sends"):format(many - before))
    local batch = syncs(folder, [[
      local all = {}
      for index = 1, 20 do all[index] = { body = "x" } end
      assert(queue:send(all))]])
    assert.is_true(batch - before < 20, "a batch is one commit")
  end))
end)
