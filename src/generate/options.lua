-- options: prints a document with the table of the template's options in it as the declarations have it now.
-- usage: lua5.4 src/generate/options.lua markdown|names FILE > NEW

local options = require "watchbot.template.options"

local form, path = arg[1], assert(arg[2], "usage: options.lua markdown|names FILE")
local file <close> = assert(io.open(path))
local text, count = file:read "a":gsub("(<!%-%- options %-%->\n).-(<!%-%- /options %-%->)", function(first, last)
  return first .. "\n" .. options.describe(form) .. "\n" .. last
end)
assert(count == 1, "the file has no place for the options")
io.write(text)
