--- roots: folders in which nothing of the build exists, to run the static program in: nothing at
-- all, a shell, and Debian releases whose nsswitch.conf and openssl.cnf name modules
-- (.package/root). Needs a separate namespace (.package/spec/alone), where they are mounted.

local shell = require "support.shell"

local roots = {
  names = {}, -- of STATIC_ROOTS; bullseye and bookworm, too, before a release
  folder = os.getenv "STATIC_FOLDER" or "build/static/amd64",
}

for name in (os.getenv "STATIC_ROOTS" or "empty busybox trixie"):gmatch "%S+" do
  table.insert(roots.names, name)
end

local Root = {}
Root.__index = Root

local PREPARE = [[
  set -e
  root=build/roots/$name/root
  [ -s $root/etc/group ] || .package/root build/roots/$name $name
  mount -t proc proc $root/proc
  mount -t tmpfs tmpfs $root/dev
  mount -t tmpfs tmpfs $root/tmp
  : > $root/dev/null
  mount --bind /dev/null $root/dev/null
  rm -rf $root/etc/ssl $root/etc/pki
  echo "nameserver 127.0.0.1" > $root/etc/resolv.conf
  cp $program $program-log $root/
]]

--- A root with the program, /proc, /dev/null and an empty /tmp.
---@param name string
function roots.open(name)
  local variables = ("name=%s program=%s/watchbot\n"):format(name, roots.folder)
  local out, code = shell.run(("exec 2>&1\n%s%s"):format(variables, PREPARE))
  assert(code == 0, out)
  return setmetatable({ path = ("build/roots/%s/root"):format(name), name = name }, Root)
end

--- Runs the program; its output and exit code.
---@param arguments string for the shell
---@param environment string? NAME=VALUE...
function Root:run(arguments, environment)
  local line = "timeout 20 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin %s chroot %s /watchbot %s 2>&1"
  return shell.run(line:format(environment or "", self.path, arguments))
end

---@param file string a path in the root
---@param text string
function Root:write(file, text)
  assert(os.execute(("mkdir -p $(dirname %s%s)"):format(self.path, file)))
  shell.write(self.path .. file, text)
end

function Root:has_shell() return self.name ~= "empty" end

return roots
