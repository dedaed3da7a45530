-- options: prints a document with the table of the template's options in it as the declarations have it now.
-- usage: lua5.4 src/options.lua doc/templates.md > NEW

local options = require "watchbot.template.options"

local path = assert(arg[1], "usage: options.lua FILE")
local file <close> = assert(io.open(path))
local text, count = file:read "a":gsub("(<!%-%- options %-%->\n).-(<!%-%- /options %-%->)", function(first, last)
  return first .. "\n" .. options.describe "markdown" .. "\n" .. last
end)
assert(count == 1, "the file has no place for the options")
io.write(text)
