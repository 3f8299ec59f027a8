"""Several finished cases side by side.

Here belongs what two or more cases have in common and how they differ. What only one case shows does not.
"""
