--- cli.project.gitignore: the .gitignore of a new project.

local text = [==[
/watchbot
/jobs.db*
/stack.json
]==]

return { path = ".gitignore", process = text, task = text }
