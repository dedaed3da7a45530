-- bundle: writes every file of the module folder as one C file, for the watchbot binary to carry
-- inside it.
-- usage: lua5.4 src/generate/bundle.lua source|compiled FOLDER FILE... [-- FOLDER FILE...] >
-- bundle.c Compiled, a program starts without parsing, which took longer than all else that it did;
-- the numbers of lines stay, for errors (see nameless.lua). A C host gets the source: its Lua may
-- be another 5.4 than the one that compiles here.

local nameless = dofile((arg[0]:gsub("[^/]*$", "nameless.lua")))

local form, folder = arg[1], arg[2]
assert(folder and (form == "source" or form == "compiled"),
  "usage: bundle.lua source|compiled FOLDER FILE...")

-- A file that is not Lua keeps its ending: "watchbot.console.style.css".
local function module_name(path)
  local name = path:sub(#folder + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  return name
end

-- The code of a module: of a file that is not Lua, one that returns its bytes.
local function code_of(path, bytes)
  return path:find "%.lua$" and bytes or ("return %q"):format(bytes)
end

local function c_bytes(text)
  local count = 0
  return (text:gsub(".", function(byte)
    count = count + 1
    return byte:byte() .. (count % 32 == 0 and ",\n" or ",")
  end))
end

local entries = {}
print '#include "bundle.h"\n'
local index = 3
while arg[index] do
  if arg[index] == "--" then folder, index = arg[index + 1], index + 2 end
  if not arg[index] then break end
  local file <close> = assert(io.open(arg[index], "rb"))
  local chunkname = "@" .. arg[index]:sub(#folder + 2)
  local text = code_of(arg[index], file:read "a")
  if form == "compiled" then text = nameless(string.dump(assert(load(text, chunkname)))) end
  print(("static const unsigned char file_%d[] = {\n%s0};\n"):format(index, c_bytes(text)))
  entries[#entries + 1] =
  ('    {"%s", "%s", (const char *)file_%d, %d},'):format(module_name(arg[index]), chunkname,
    index, #text)
  index = index + 1
end
print "const struct bundle_file bundle_files[] = {"
print(table.concat(entries, "\n"))
print "    {NULL, NULL, NULL, 0},\n};"
