--- pairs: few cases in which every two values of different axes occur together at least once. The
-- same axes give the same cases: each starts with the first missing pair, and takes from every
-- other axis the value that adds the most missing pairs.

local function key(first, one, second, other)
  if first > second then first, one, second, other = second, other, first, one end
  return ("%d:%d %d:%d"):format(first, one, second, other)
end

local function all_pairs(axes)
  local list = {}
  for first = 1, #axes - 1 do
    for second = first + 1, #axes do
      for one = 1, #axes[first].values do
        for other = 1, #axes[second].values do list[#list + 1] = { first, one, second, other } end
      end
    end
  end
  return list
end

-- How many missing pairs a value of an axis makes with what is chosen.
local function gain(chosen, missing, axis, value)
  local count = 0
  for other, its in pairs(chosen) do
    if missing[key(axis, value, other, its)] then count = count + 1 end
  end
  return count
end

local function best(axes, chosen, missing, axis, turn)
  local most, found = -1, nil
  for step = 1, #axes[axis].values do
    local value = (turn + step) % #axes[axis].values + 1
    local count = gain(chosen, missing, axis, value)
    if count > most then most, found = count, value end
  end
  return found
end

local function complete(axes, pair, missing, turn)
  local chosen = { [pair[1]] = pair[2], [pair[3]] = pair[4] }
  for axis = 1, #axes do
    chosen[axis] = chosen[axis] or best(axes, chosen, missing, axis, turn)
  end
  return chosen
end

local function strike(missing, chosen)
  for first = 1, #chosen - 1 do
    for second = first + 1, #chosen do
      missing[key(first, chosen[first], second, chosen[second])] = nil
    end
  end
end

local function named(axes, chosen)
  local case = {}
  for index, axis in ipairs(axes) do case[axis.name] = axis.values[chosen[index]] end
  return case
end

---@param axes { name: string, values: any[] }[]
---@return table<string, any>[] cases a value for each axis, by its name
local function cover(axes)
  local list, missing, cases = all_pairs(axes), {}, {}
  for _, pair in ipairs(list) do missing[key(table.unpack(pair))] = true end
  for _, pair in ipairs(list) do
    if missing[key(table.unpack(pair))] then
      local chosen = complete(axes, pair, missing, #cases)
      strike(missing, chosen)
      cases[#cases + 1] = named(axes, chosen)
    end
  end
  return cases
end

return cover
