--- coverage: reports the results of `make coverage`: the lines of Lua and of C that the specs run,
-- for each part. usage: lua5.4 spec/support/coverage.lua BUILD

local build = assert(arg[1], "usage: coverage.lua BUILD")

local function lines_of(command)
  local pipe <close> = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  return lines
end

-- The lines of a file that have code, as the compiler says.
local function active(path)
  local found = {}
  for _, line in ipairs(lines_of(("luac5.4 -p -l %s"):format(path))) do
    local number = line:match "^%s+%d+%s+%[(%d+)%]"
    if number then found[tonumber(number)] = true end
  end
  return found
end

local function hits()
  local found = {}
  for _, line in ipairs(lines_of(("cat %s/lines/* 2>/dev/null | sort -u"):format(build))) do
    -- A program that was killed may have left half a line.
    local file, number = line:match "^(%S+) (%d+)$"
    if file then
      found[file] = found[file] or {}
      found[file][tonumber(number)] = true
    end
  end
  return found
end

local function add(sums, name, lines, run)
  sums[name] = sums[name] or { name = name, lines = 0, run = 0 }
  sums[name].lines, sums[name].run = sums[name].lines + lines, sums[name].run + run
end

local function lua_files(sums, files)
  local hit = hits()
  for _, path in ipairs(lines_of "find lua -name '*.lua' -not -path '*/meta/*' | sort") do
    local lines, run, noted = 0, 0, hit[path:sub(5)] or {}
    for number in pairs(active(path)) do
      lines = lines + 1
      if noted[number] then run = run + 1 end
    end
    add(files, path, lines, run)
    add(sums, path:match "^lua/watchbot/([^/]+)/" or "watchbot", lines, run)
    add(sums, "Lua", lines, run)
  end
end

-- gcov prints "File 'src/a.c'" and "Lines executed:97.50% of 40".
local function c_files(sums, files)
  local file
  for _, line in ipairs(lines_of(("gcov -n -r %s/obj/*.gcda 2>/dev/null"):format(build))) do
    file = line:match "^File '(src/.*%.c)'$" or (not line:find "^File" and file or nil)
    local percent, lines = line:match "^Lines executed:([%d.]+)%% of (%d+)$"
    if file and percent then
      local run = math.floor(percent * lines / 100 + 0.5)
      add(files, file, tonumber(lines), run)
      add(sums, "C", tonumber(lines), run)
      file = nil
    end
  end
end

local function percent(one) return 100 * one.run / math.max(one.lines, 1) end

local function show(one)
  print(("%6.1f %%  %6d of %6d  %s"):format(percent(one), one.run, one.lines, one.name))
end

local sums, files = {}, {}
lua_files(sums, files)
c_files(sums, files)

local function sorted(set, compare)
  local list = {}
  for _, one in pairs(set) do list[#list + 1] = one end
  table.sort(list, compare)
  return list
end

print "the twenty files with most lines that no spec runs:"
local worst = sorted(files, function(a, b) return a.lines - a.run > b.lines - b.run end)
for index = 1, math.min(20, #worst) do show(worst[index]) end
print "\nparts:"
for _, one in ipairs(sorted(sums, function(a, b) return a.name < b.name end)) do show(one) end
