--- allowed: how many findings of each rule a file may still have. Numbers only go down
-- (spec/lint/ratchet.lua).

return {
  columns = {
  },
  layers = {
  },
  lengths = {
  },
  requires = {
  },
  words = {
  },
}
