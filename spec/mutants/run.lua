-- `make mutants`: plants one fault at a time in a copy of the tree under build/mutants and runs the
-- specs that must see it. MUTANTS=text takes only those whose name holds the text. Status 1 when
-- one survives.

package.path = "spec/?.lua;" .. package.path

local list = require "mutants.list"

local TREE = "build/mutants"

local function run(command)
  local ok = os.execute(command)
  return ok == true
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

-- The text with the fault in it; raises where its place does not exist exactly once.
local function planted(text, mutant)
  local first, last = text:find(mutant.find, 1, true)
  assert(first, mutant.file .. ": not found: " .. mutant.find)
  assert(not text:find(mutant.find, last + 1, true), mutant.file .. ": twice: " .. mutant.find)
  return text:sub(1, first - 1) .. mutant.put .. text:sub(last + 1)
end

local function copy_tree()
  assert(run(("rm -rf %s && mkdir -p %s"):format(TREE, TREE)))
  assert(run(("ls -A | grep -vxE 'build|\\.git' | xargs -I{} cp -r {} %s"):format(TREE)))
  assert(run(("make -s -C %s all >/dev/null"):format(TREE)), "the tree does not build")
end

-- Whether the specs see it.
local function caught(mutant)
  local path = TREE .. "/" .. mutant.file
  local sound = read(path)
  write(path, planted(sound, mutant))
  local built = run(("make -s -C %s all >/dev/null 2>&1"):format(TREE))
  local passes = built
    and run(("cd %s && timeout 300 spec/run lua5.4 %s >last.log 2>&1"):format(TREE,
    mutant.specs))
  write(path, sound)
  return not passes, built
end

copy_tree()
local survived = 0
for _, mutant in ipairs(list) do
  if mutant.name:find(os.getenv "MUTANTS" or "", 1, true) then
    local dead, built = caught(mutant)
    print(("%-9s %s (%s)"):format(dead and (built and "caught" or "no build") or "SURVIVED",
    mutant.name,
      mutant.specs))
    io.stdout:flush()
    if not dead or not built then survived = survived + 1 end
  end
end
print(("%d of %d mutants survived"):format(survived, #list))
os.exit(survived == 0)
