-- bundle: writes every file of the module folder as one C file, for the watchbot binary to carry inside it.
-- usage: lua5.4 src/bundle.lua FOLDER FILE... > bundle.c ; the source text is kept, so that errors name real lines.

local folder = assert(arg[1], "usage: bundle.lua FOLDER FILE...")

local function module_name(path)
  local name = path:sub(#folder + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  return name
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
for index = 2, #arg do
  local file <close> = assert(io.open(arg[index], "rb"))
  local text = file:read "a"
  print(("static const char file_%d[] = {\n%s0};\n"):format(index, c_bytes(text)))
  entries[#entries + 1] = ('    {"%s", "@%s", file_%d, %d},'):format(module_name(arg[index]), arg[index]:sub(#folder + 2),
    index, #text)
end
print "const struct bundle_file bundle_files[] = {"
print(table.concat(entries, "\n"))
print "    {NULL, NULL, NULL, 0},\n};"
