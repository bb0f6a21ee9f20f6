"""Extensions built with stock's headers and with the patched ones, loaded into both."""
