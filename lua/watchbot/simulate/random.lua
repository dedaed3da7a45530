--- simulate.random: random numbers without a state: each is a function of the seed, the message,
-- the attempt and what it is for. So two policies meet the same tasks, whatever they do in between.
-- https://prng.di.unimi.it/splitmix64.c

local random = {}

local GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

local function mixed(word)
  word = word + GOLDEN
  word = (word ~ word >> 30) * FIRST
  word = (word ~ word >> 27) * SECOND
  return word ~ word >> 31
end

--- A number between 0 and 1, neither of them.
---@param seed integer
---@param number integer of the message
---@param attempt integer
---@param purpose integer
---@return number
function random.uniform(seed, number, attempt, purpose)
  local word = mixed(mixed(mixed(mixed(seed) ~ number) ~ attempt) ~ purpose)
  return ((word >> 12) + 0.5) * 2.0 ^ -52
end

--- A number of the normal distribution with mean 0 and deviation 1.
---@param one number a uniform number
---@param other number an independent one
---@return number
function random.normal(one, other)
  return math.sqrt(-2 * math.log(one)) * math.cos(2 * math.pi * other)
end

return random
