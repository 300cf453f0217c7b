"""The services that a message is sent to, one module for each: what its request contains, and how it is sent.

`slack`, `teams` and `webhook` build the JSON that `post` sends, `email` talks to an SMTP server. `settings` fills the
templates of a target. Nothing here decides who receives a message. Begin with `send.send`.
"""
